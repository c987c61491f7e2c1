// Package file is mco file, which copies files to and from nodes.
package file

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/usage"
)

// New makes the command file.
func New(env *cli.Env) *cobra.Command {
	c := &fileCopy{}
	one := []string{"status", "read", "remove"}
	return application.New(env, &application.Application{
		Agent: "file",
		About: "Copy files to and from nodes, read and remove them",
		Usage: []string{
			"cp <local file> :<path on the nodes>",
			"cp :<path on the nodes> <local directory or file>",
			"<status|read|remove> <path>",
		},
		Example: "    mco file cp motd :/etc/motd -C webserver\n" +
			"    mco file cp :/var/log/syslog logs/ -F operatingsystem=Debian\n" +
			"    mco file cp db1.example.net:/etc/my.cnf my.cnf\n" +
			"    mco file status /etc/motd checksum=true -o table",
		Flags: func(set *pflag.FlagSet) {
			cli.Text(set, cli.GroupOwn, new(string), "mode", "", "MODE", "Permissions of the file on the nodes, like 0644")
			cli.Text(set, cli.GroupOwn, new(string), "owner", "", "USER", "Owner of the file on the nodes")
			cli.Text(set, cli.GroupOwn, new(string), "group", "", "GROUP", "Group of the file on the nodes")
			set.Bool("backup", false, "Keep a copy of the file that is replaced")
		},
		Words: func(words []string, in *application.Inputs) (string, error) {
			if words[0] == "cp" {
				in.Take("mode", "owner", "group", "backup")
				return "cp", c.words(words[1:])
			}
			in.Take("mode", "owner", "group", "backup")
			switch {
			case len(words) > 2:
				return "", usage.Errorf("%q is one word too many", words[2])
			case len(words) == 2:
				in.Set("file", words[1])
			}
			return words[0], nil
		},
		Does: func(ctx context.Context, t *application.Task) (bool, error) {
			if t.RPC.Action != "cp" {
				return false, nil
			}
			return true, c.copy(ctx, t)
		},
		Actions: append([]string{"cp", "write"}, one...),
	})
}

// A fileCopy is a copy of a file to nodes or from them.
type fileCopy struct {
	node   string // the only one that is meant; "" for those that the filter matches
	remote string // path on the nodes
	local  string // path here
	up     bool   // to the nodes
}

// words reads which of two files is on the nodes: the one that begins with a
// colon, or with the name of a node and a colon.
func (c *fileCopy) words(words []string) error {
	if len(words) != 2 {
		return usage.Errorf("cp needs to know what to copy where")
	}
	sides := [2]bool{}
	for i, word := range words {
		node, path, ok := strings.Cut(word, ":")
		// Anyone who means a file here with a colon in its name writes ./ before it.
		if !ok || strings.Contains(node, "/") {
			c.local = word
			continue
		}
		if !strings.HasPrefix(path, "/") {
			return usage.Errorf("%q is no path from the root on", path)
		}
		c.node, c.remote, sides[i] = node, path, true
	}
	if sides[0] == sides[1] {
		return usage.Errorf("cp needs one file on the nodes, which has a colon in front, and one here")
	}
	c.up = sides[1]
	return nil
}

// copy copies the file.
func (c *fileCopy) copy(ctx context.Context, t *application.Task) error {
	switch {
	case !t.Human():
		return usage.Errorf("cp reports for people: it knows no --output, --json, --jq, --no-results and --reply-to")
	case t.RPC.Results.Batch != "":
		return usage.Errorf("--batch does not apply to cp; --limit-nodes takes some of the nodes")
	case !c.up && t.RPC.Noop:
		return usage.Errorf("--noop is for copies to the nodes")
	case !c.up && len(t.Args) > 0:
		name := t.Args[0].Name
		if flag, ok := t.RPC.From[name]; ok {
			name = "--" + flag
		}
		return usage.Errorf("%s is for copies to the nodes", name)
	}
	if c.node != "" {
		if len(t.RPC.Hosts.Identities) > 0 {
			return usage.Errorf("Cannot mix -I and the name of a node before the colon")
		}
		t.RPC.Hosts.Identities = []string{c.node}
	}
	if err := t.Prepare(); err != nil {
		return err
	}
	if c.up {
		return c.upload(ctx, t)
	}
	return c.download(ctx, t)
}
