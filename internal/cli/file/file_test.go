package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/cli/application/applicationtest"
	"mcollective/internal/cli/call"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/rpc"
)

func TestWords1(t *testing.T) {
	c := &fileCopy{}
	app := &application.Application{Agent: "file", Words: func(words []string, _ *application.Inputs) (string, error) { return "cp", c.words(words) }}
	for _, test := range []struct{ line, want string }{
		{"a :/b", "cp"},
		{"a b", "cp needs one file on the nodes, which has a colon in front, and one here"},
		{":/a :/b", "cp needs one file on the nodes, which has a colon in front, and one here"},
		{"a web:b", `"b" is no path from the root on`},
		{"./a:b :/c", "cp"},
	} {
		t.Run(subtest.Name(test.line), func(t *testing.T) {
			if got := applicationtest.Read(app, test.line); got != test.want {
				t.Errorf("%s: %s\nwant %s", test.line, got, test.want)
			}
		})
	}
}

// FuzzDownload lets a node answer what it likes: nothing is written but below
// the directory, and nothing that has not the checksum stays there.
func FuzzDownload(f *testing.F) {
	f.Add("web1", "644", "c2FtcGxl", int64(0), int64(6), "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf")
	f.Add("../web1", "4777", "", int64(-1), int64(1)<<62, strings.Repeat("0", 64))
	f.Add("..", "x", "!", int64(3), int64(0), strings.Repeat("/", 64))
	f.Add(".ssh", "0", "AAAA", int64(0), int64(3), strings.Repeat("../", 30))
	f.Fuzz(func(t *testing.T, node, mode, data string, offset, size int64, sum string) {
		top := dirtest.New(t)
		c := &fileCopy{remote: "/srv/data", local: filepath.Join(top, "in", "here")}
		d := &download{
			transfer: newTransfer(&application.Task{RPC: &call.Options{}, Env: (&cli.Env{}).WithDefaults()}, c.remote),
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
