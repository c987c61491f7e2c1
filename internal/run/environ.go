package run

import "strings"

// merge returns the environment with additions, of which the last of a name counts.
// Programs look for the first, so there must be only one.
func merge(env, more []string) []string {
	at := make(map[string]int, len(env)+len(more))
	for i, e := range env {
		name, _, _ := strings.Cut(e, "=")
		at[name] = i
	}
	for _, e := range more {
		name, _, _ := strings.Cut(e, "=")
		if i, ok := at[name]; ok {
			env[i] = e
			continue
		}
		at[name] = len(env)
		env = append(env, e)
	}
	return env
}
