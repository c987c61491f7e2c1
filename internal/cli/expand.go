package cli

import (
	"fmt"
	"sort"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/suggest"
	"mcollective/internal/usage"
)

// aliases returns the other spellings of long flags.
func aliases() map[string]string {
	return map[string]string{
		"wf": "with-fact", "wc": "with-class", "wa": "with-agent", "wi": "with-identity",
		"dt": "discovery-timeout", "dm": "disc-method", "do": "disc-option",
		"np": "no-progress", "ln": "limit-nodes", "limit": "limit-nodes",
		"nr": "no-results", "pid": "pidfile",
		"arg": "argument", "lc": "list-collectives", "cg": "collective-graph", "map": "collective-graph",
	}
}

// expand returns the words of the command line as pflag understands them: each
// long flag by its full name. The extra options of the environment are read first,
// and those of the command line override them.
func expand(env *Env, p *Program, r Command, cmd *cobra.Command, args []string) ([]string, error) {
	long := newLongFlags(cmd.Flags())
	words, named, err := long.expand(args)
	if err != nil {
		return nil, err
	}
	if r.Client {
		x := extraOptions{env: env, program: p, command: r.Name, cmd: cmd, own: long}
		if err := x.read(named); err != nil {
			return nil, fmt.Errorf("%s: %w", extraVariable, err)
		}
	}
	return words, nil
}

// longFlags knows the flags of one command by every spelling.
type longFlags struct {
	set   *pflag.FlagSet
	names map[string]string // each spelling -> full name
}

func newLongFlags(set *pflag.FlagSet) *longFlags {
	l := &longFlags{set: set, names: make(map[string]string)}
	set.VisitAll(func(f *pflag.Flag) { l.names[f.Name] = f.Name })
	for alias, name := range aliases() {
		if _, taken := l.names[alias]; !taken && set.Lookup(name) != nil {
			l.names[alias] = name
		}
	}
	return l
}

// expand rewrites words and tells which flags they name; the key "" stands for
// words that are no flags.
func (l *longFlags) expand(words []string) ([]string, map[string]bool, error) {
	out := make([]string, 0, len(words))
	seen := make(map[string]bool)
	for i := 0; i < len(words); i++ {
		w := words[i]
		var flag *pflag.Flag
		takesNext := false
		switch {
		case w == "--":
			if i+1 < len(words) {
				seen[""] = true
			}
			return append(out, words[i:]...), seen, nil
		case strings.HasPrefix(w, "--"):
			name, value, hasValue := strings.Cut(w[2:], "=")
			full, err := l.resolve(name)
			if err != nil {
				return nil, nil, err
			}
			flag = l.set.Lookup(full)
			w = "--" + full
			if hasValue {
				w += "=" + value
			}
			takesNext = !hasValue && flag.NoOptDefVal == ""
		case len(w) > 1 && w[0] == '-':
			flag, takesNext = l.bundle(w[1:], seen)
		}
		out = append(out, w)
		if flag == nil {
			if words[i] == "-" || !strings.HasPrefix(words[i], "-") {
				seen[""] = true
			}
			continue
		}
		seen[flag.Name] = true
		// The next word is the value, whatever it begins with.
		if takesNext && i+1 < len(words) {
			i++
			out = append(out, words[i])
		}
	}
	return out, seen, nil
}

// bundle reads short flags written together, like -vT uk. It returns the last
// one, and whether its value is the next word.
func (l *longFlags) bundle(letters string, seen map[string]bool) (last *pflag.Flag, takesNext bool) {
	for i := 0; i < len(letters); i++ {
		f := l.set.ShorthandLookup(letters[i : i+1])
		if f == nil {
			return nil, false // pflag says it better
		}
		seen[f.Name] = true
		last = f
		if f.NoOptDefVal == "" {
			return f, i+1 == len(letters)
		}
	}
	return last, false
}

// resolve finds the full name of a flag from any unique prefix of its spellings.
func (l *longFlags) resolve(name string) (string, error) {
	if full, ok := l.names[name]; ok {
		return full, nil
	}
	var spellings []string
	targets := make(map[string]bool)
	for spelling, full := range l.names {
		if name != "" && strings.HasPrefix(spelling, name) {
			spellings = append(spellings, spelling)
			targets[full] = true
		}
	}
	if len(targets) == 1 {
		return l.names[spellings[0]], nil
	}
	sort.Strings(spellings)
	if len(targets) > 1 {
		return "", usage.Hinted(fmt.Errorf("ambiguous option: --%s", name), "Did you mean?  --"+strings.Join(spellings, "\n               --"))
	}
	all := make([]string, 0, len(l.names))
	for spelling := range l.names {
		all = append(all, spelling)
	}
	err := fmt.Errorf("invalid option: --%s", name)
	if near := suggest.Nearest(name, all); near != "" {
		return "", usage.Hinted(err, "Did you mean?  --"+near)
	}
	return "", usage.Hinted(err, "--help lists the options of this command")
}
