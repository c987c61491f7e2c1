// Package process is mco process, which lists processes and sends them signals.
package process

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/usage"
	"mcollective/rpc"
)

// New makes the command process.
func New(env *cli.Env) *cobra.Command {
	p := &processes{}
	return application.New(env, &application.Application{
		Agent: "process",
		About: "List processes and send them signals",
		Usage: []string{
			"list [<pattern>] [--zombies] [--user <user>]", "zombies", "tree [<pattern>|<pid>]",
			"top [cpu|memory] [<how many>]", "signal <signal> <pattern>|<pid> [--user <user>]",
		},
		Example: "    mco process list java\n" +
			"    mco process list -z\n" +
			"    mco process top memory 5 -C webserver\n" +
			"    mco process signal HUP 'nginx: master' -C webserver",
		Flags: func(set *pflag.FlagSet) {
			set.BoolVarP(&p.silent, "silent", "s", false, "Print only the summary")
			set.BoolP("zombies", "z", false, "Only zombies")
			cli.Text(set, cli.GroupOwn, new(string), "user", "u", "USER", "Only processes of this user")
		},
		Words:   p.words,
		Does:    p.does,
		Actions: []string{"list", "zombies", "tree", "top", "signal"},
	})
}

// processes is the application process.
type processes struct {
	silent bool
	total  processTotal
}

func (p *processes) words(words []string, in *application.Inputs) (string, error) {
	action, rest := words[0], words[1:]
	in.Take("user", "zombies=just_zombies")
	in.Used["silent"] = action == "list" || action == "zombies"
	isNumber := func(s string) bool { _, err := strconv.Atoi(s); return err == nil }
	if action == "signal" && len(rest) > 0 {
		in.Set("signal", strings.TrimPrefix(strings.ToUpper(rest[0]), "SIG"))
		rest = rest[1:]
	}
	most := 1
	switch action {
	case "zombies":
		most = 0
	case "top":
		most = 2
	}
	if len(rest) > most {
		return "", usage.Errorf("%q is one word too many", rest[most])
	}
	for _, word := range rest {
		switch {
		case action == "top" && isNumber(word):
			in.Set("count", word)
		case action == "top":
			in.Set("by", word)
		case action != "list" && isNumber(word):
			in.Set("pid", word)
		default:
			in.Set("pattern", word)
		}
	}
	if action == "signal" && !in.Has("pattern") && !in.Has("pid") && !in.Has("user") {
		return "", usage.Errorf("signal needs to know which processes get it")
	}
	return action, nil
}

// The columns of each action, unless --fields names others.
const (
	listColumns = "pid,user,vsz,command"
	topColumns  = "pid,user,cpu,mem,rss,command"
)

// does shows lists of processes as tables, and trees as they are.
func (p *processes) does(ctx context.Context, t *application.Task) (bool, error) {
	action := t.RPC.Action
	columns := map[string]string{"list": listColumns, "zombies": "pid,ppid,user,name", "top": topColumns}[action]
	if !t.Human() || columns == "" && action != "tree" {
		return false, nil
	}
	if t.RPC.Fields != "" {
		columns = t.RPC.Fields
	}
	cells, err := processColumns(columns)
	if err != nil {
		return true, err
	}
	t.Columns = action != "tree"
	if err := t.Prepare(); err != nil {
		return true, err
	}
	_, in, err := t.Request(action, t.Args)
	if err != nil {
		return true, err
	}
	if err := t.Find(ctx); err != nil {
		return true, err
	}
	account, err := t.Each(ctx, action, in, func(node string, reply *rpc.Reply) {
		if action == "tree" {
			p.tree(t.Env, node, reply)
			return
		}
		p.table(t.Env, node, reply, cells)
	})
	if err != nil {
		return true, err
	}
	if action == "list" || action == "zombies" {
		p.total.print(t.Env)
	}
	return true, p.end(t, account)
}

func (p *processes) end(t *application.Task, account *client.Account) error {
	return t.Finish(account, "process stats")
}
