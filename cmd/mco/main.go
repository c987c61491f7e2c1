// Command mco is every part of a collective in one program: the client, the node (also when started as mcollectived) and the broker.
package main

import (
	"os"

	"mcollective/internal/cli"
	"mcollective/internal/cli/commands"
)

func main() { os.Exit(commands.Main(os.Args[1:], cli.OS())) }
