package cli

import "github.com/spf13/cobra"

func newPing(env *Env) *cobra.Command { return &cobra.Command{Use: "ping"} }
func newFind(env *Env) *cobra.Command { return &cobra.Command{Use: "find"} }
