package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/client"
	"mcollective/internal/usage"
	"mcollective/rpc"
)

func newProcess(env *Env) *cobra.Command {
	p := &processes{}
	return newApplication(env, &application{
		agent: "process",
		about: "Lists processes and sends them signals",
		usage: []string{
			"list [<pattern>] [--zombies] [--user <user>]", "zombies", "tree [<pattern>|<pid>]",
			"top [cpu|memory] [<how many>]", "signal <signal> <pattern>|<pid> [--user <user>]",
		},
		example: "    mco process list java\n" +
			"    mco process list -z\n" +
			"    mco process top memory 5 -C webserver\n" +
			"    mco process signal HUP 'nginx: master' -C webserver",
		flags: func(set *pflag.FlagSet) {
			set.BoolVarP(&p.silent, "silent", "s", false, "Only show the summary")
			set.BoolP("zombies", "z", false, "Only zombies")
			text(set, groupOwn, new(string), "user", "u", "USER", "Only processes of this user")
		},
		words:   p.words,
		does:    p.does,
		actions: []string{"list", "zombies", "tree", "top", "signal"},
	})
}

// processes is the application process.
type processes struct {
	silent bool
	total  processTotal
}

func (p *processes) words(words []string, in *inputs) (string, error) {
	action, rest := words[0], words[1:]
	in.take("user", "zombies=just_zombies")
	in.used["silent"] = action == "list" || action == "zombies"
	isNumber := func(s string) bool { _, err := strconv.Atoi(s); return err == nil }
	if action == "signal" && len(rest) > 0 {
		in.set("signal", strings.TrimPrefix(strings.ToUpper(rest[0]), "SIG"))
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
			in.set("count", word)
		case action == "top":
			in.set("by", word)
		case action != "list" && isNumber(word):
			in.set("pid", word)
		default:
			in.set("pattern", word)
		}
	}
	if action == "signal" && !in.has("pattern") && !in.has("pid") && !in.has("user") {
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
func (p *processes) does(ctx context.Context, t *task) (bool, error) {
	action := t.o.action
	columns := map[string]string{"list": listColumns, "zombies": "pid,ppid,user,name", "top": topColumns}[action]
	if !t.human() || columns == "" && action != "tree" {
		return false, nil
	}
	if t.o.fields != "" {
		columns = t.o.fields
	}
	cells, err := processColumns(columns)
	if err != nil {
		return true, err
	}
	t.columns = action != "tree"
	if err := t.prepare(); err != nil {
		return true, err
	}
	_, in, err := t.request(action, t.args)
	if err != nil {
		return true, err
	}
	if err := t.find(ctx); err != nil {
		return true, err
	}
	account, err := t.each(ctx, action, in, func(node string, reply *rpc.Reply) {
		if action == "tree" {
			p.tree(t.env, node, reply)
			return
		}
		p.table(t.env, node, reply, cells)
	})
	if err != nil {
		return true, err
	}
	if action == "list" || action == "zombies" {
		p.total.print(t.env)
	}
	return true, p.end(t, account)
}

func (p *processes) end(t *task, account *client.Account) error {
	return t.finish(account, "process stats")
}
