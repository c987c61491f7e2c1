package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"mcollective/internal/dirtest"
	"mcollective/rpc"
)

// understood is the action and the inputs that an application makes of words.
func understood(a *application, line string) string {
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	if a.flags != nil {
		a.flags(set)
	}
	if err := set.Parse(strings.Fields(line)); err != nil {
		return err.Error()
	}
	t := &task{o: &rpcOptions{agent: a.agent}, given: set}
	if _, err := a.understand(t, set.Args()); err != nil {
		return err.Error()
	}
	got := t.o.action
	for _, arg := range t.args {
		got += " " + arg.name + "=" + arg.text
	}
	return got
}

func TestWordsOfApplications(t *testing.T) {
	p, c, s, pp := &processes{}, &fileCopy{}, &shell{}, &puppet{}
	apps := map[string]*application{
		"process": {agent: "process", words: p.words, flags: func(set *pflag.FlagSet) { set.Bool("zombies", false, ""); set.String("user", "", "") }},
		"file":    {agent: "file", words: func(words []string, _ *inputs) (string, error) { return "cp", c.words(words) }},
		"shell":   {agent: "shell", words: s.words, whole: func(first string) bool { return first == "run" }, flags: func(set *pflag.FlagSet) { set.String("user", "", "") }},
		"puppet":  {agent: "puppet", words: pp.words, flags: pp.flags},
	}
	for _, test := range []struct{ agent, line, want string }{
		{"process", "list java", "list pattern=java"},
		{"process", "list --zombies=false a.*b", "list just_zombies=false pattern=a.*b"},
		{"process", "list pattern=java user=root", "list pattern=java user=root"},
		{"process", "list 1234", "list pattern=1234"},
		{"process", "tree 1234", "tree pid=1234"},
		{"process", "top 3 memory", "top count=3 by=memory"},
		{"process", "signal sighup nginx --user www", "signal user=www signal=HUP pattern=nginx"},
		{"process", "signal", "signal needs to know which processes get it"},
		{"process", "signal HUP", "signal needs to know which processes get it"},
		{"process", "zombies all", `"all" is one word too many`},
		{"file", "a :/b", "cp"},
		{"file", "a b", "cp needs one file on the nodes, which has a colon in front, and one here"},
		{"file", ":/a :/b", "cp needs one file on the nodes, which has a colon in front, and one here"},
		{"file", "a web:b", `"b" is no path from the root on`},
		{"file", "./a:b :/c", "cp"},
		{"shell", "run echo a=b c", "run command=echo a=b c"},
		{"shell", "run --user www id", "run command=id user=www"},
		{"shell", "run command=id timeout=3", "run command=id timeout=3"},
		{"shell", "kill", "kill"},
		{"shell", "kill a b", `"b" is one word too many`},
		{"puppet", "disable on the move", "disable message=on the move"},
		{"puppet", "resource service httpd ensure=stopped", "resource ensure=stopped type=service name=httpd"},
		{"puppet", "runonce --no-splay --tags a --tags b,c", "runonce splay=false tags=a,b,c"},
		{"puppet", "runonce --splay --no-splay", "Cannot mix --splay and --no-splay"},
	} {
		if got := understood(apps[test.agent], test.line); got != test.want {
			t.Errorf("%s %s: %s\nwant %s", test.agent, test.line, got, test.want)
		}
	}
}

// FuzzDownload lets a node answer what it likes: nothing is written but below
// the folder, and nothing that has not the checksum stays there.
func FuzzDownload(f *testing.F) {
	f.Add("web1", "644", "c2FtcGxl", int64(0), int64(6), "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf")
	f.Add("../web1", "4777", "", int64(-1), int64(1)<<62, strings.Repeat("0", 64))
	f.Add("..", "x", "!", int64(3), int64(0), strings.Repeat("/", 64))
	f.Add(".ssh", "0", "AAAA", int64(0), int64(3), strings.Repeat("../", 30))
	f.Fuzz(func(t *testing.T, node, mode, data string, offset, size int64, sum string) {
		top := dirtest.New(t)
		c := &fileCopy{remote: "/srv/data", local: filepath.Join(top, "in", "here")}
		d := &download{
			transfer: newTransfer(&task{o: &rpcOptions{}, env: (&Env{}).withDefaults()}, c.remote),
			to:       c.place, files: map[string]*arrival{},
		}
		if _, err := c.place(node); err != nil {
			return // the node is left out
		}
		d.at[node] = 0
		reply := rpc.NewReply()
		reply.Set("mode", mode)
		reply.Set("data", data)
		reply.Set("offset", offset)
		reply.Set("size", size)
		reply.Set("checksum", sum)
		a, err := d.begin(node, reply)
		if err == nil {
			err = d.take(node, a, offset, reply)
			a.part.Close()
		}
		entries, _ := os.ReadDir(top)
		if len(entries) > 1 || len(entries) == 1 && entries[0].Name() != "in" {
			t.Errorf("%q has left %v", node, entries)
		}
		if fi, statErr := os.Stat(filepath.Join(c.local, node, "data")); statErr == nil {
			if err != nil || fi.Size() != size || fi.Mode()&(os.ModeSetuid|os.ModeSetgid|os.ModeSticky) != 0 {
				t.Errorf("a file is there: %v, %v", err, fi.Mode())
			}
		}
	})
}

func TestSizesAndHistograms(t *testing.T) {
	for n, want := range map[float64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KB", 1536: "1.5 KB", 1 << 40: "1.0 TB", 1 << 60: "1024.0 PB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%v bytes: %s", n, got)
		}
	}
	if got := histogram([]float64{5}, 4); got != "▇▁▁▁" {
		t.Error(got)
	}
	if got := histogram([]float64{0, 0, 0, 1, 4}, 4); got != "▇▃▁▃" {
		t.Error(got)
	}
}
