package cli

import (
	"encoding/json"
	"fmt"
)

// writeJSON prints a list: to be read on a terminal, on one line for programs.
// What is hostile to a terminal is escaped by JSON itself.
func writeJSON[T any](env *Env, list []T) error {
	if list == nil {
		list = []T{}
	}
	var data []byte
	var err error
	if env.OutTerminal {
		data, err = json.MarshalIndent(list, "", "  ")
	} else {
		data, err = json.Marshal(list)
	}
	if err != nil {
		return fmt.Errorf("write the answers as JSON: %w", err)
	}
	_, err = fmt.Fprintf(env.Out, "%s\n", data)
	return err
}
