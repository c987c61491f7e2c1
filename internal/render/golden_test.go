package render

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/ddl"
	"mcollective/rpc"
	"mcollective/value"
)

var update = flag.Bool("update", false, "write the golden files anew")

func succeeded(kv ...any) *rpc.Reply {
	r := rpc.NewReply()
	for i := 0; i < len(kv); i += 2 {
		r.Set(kv[i].(string), kv[i+1])
	}
	return r
}

func refused(status rpc.Status, message string) *rpc.Reply {
	return &rpc.Reply{Status: status, Message: message, Data: value.NewMap(sym("fact"), nil)}
}

// fleet is a run with a bit of everything.
func fleet() scene {
	s := scene{
		display: "always", outputs: [][2]string{{"fact", "Fact"}, {"value", "Value"}, {"tags", "Tags"}},
		summaries: []*ddl.Summary{{Function: "summary", Output: "value"}},
		silent:    []string{"db9.ams.example.net", "web08.ams.example.net", "db10.ams.example.net"},
	}
	add := func(sender string, r *rpc.Reply) {
		s.senders, s.replies = append(s.senders, sender), append(s.replies, r)
	}
	for i := range 5 {
		add(fmt.Sprintf("web%02d.ams.example.net", i+1), succeeded("fact", "os", "value", "Debian", "tags", []any{"web", "a,b"}))
	}
	add("db1.ams.example.net", succeeded("fact", "os", "value", "CentOS", "tags", value.NewMap("role", sym("db"), "n", 2.5)))
	add("web06.ams.example.net", refused(rpc.Aborted, "cannot read the facts"))
	add("web07.ams.example.net", refused(rpc.Aborted, "cannot read the facts"))
	add("odd", succeeded("fact", "os", "value", "two\nlines \x1b[31m\"\u202e", "tags", nil))
	return s
}

func TestGolden(t *testing.T) {
	human := Options{Terminal: true, Width: 72}
	zero := scene{display: "always", outputs: fleet().outputs, silent: []string{"a1", "a2"}}
	one := scene{display: "always", outputs: fleet().outputs, senders: []string{"a1"}, replies: []*rpc.Reply{succeeded("fact", "os", "value", "Debian")}}
	failed := fleet()
	failed.display = "failed"
	for name, c := range map[string]struct {
		scene scene
		o     Options
	}{
		"classic":          {fleet(), Options{Progress: true}},
		"classic-verbose":  {fleet(), Options{Verbose: true, Sort: true}},
		"classic-terminal": {fleet(), Options{Format: Classic, Terminal: true, Color: true}},
		"classic-fields":   {fleet(), Options{Fields: []string{"value"}}},
		"classic-raw":      {fleet(), Options{Raw: true}},
		"json":             {fleet(), Options{Format: JSON}},
		"json-terminal":    {fleet(), Options{Format: JSON, Terminal: true}},
		"json-zero":        {zero, Options{Format: JSON}},
		"folded":           {fleet(), human},
		"folded-color":     {fleet(), Options{Terminal: true, Color: true, Width: 72}},
		"folded-verbose":   {fleet(), Options{Terminal: true, Width: 72, Verbose: true}},
		"folded-failed":    {failed, human},
		"folded-zero":      {zero, human},
		"folded-one":       {one, human},
		"table":            {fleet(), Options{Format: Table}},
		"table-terminal":   {fleet(), Options{Format: Table, Terminal: true, Width: 60}},
		"table-good":       {one, Options{Format: Table}},
		"table-zero":       {zero, Options{Format: Table}},
		"wide":             {fleet(), Options{Format: Wide}},
		"jsonl":            {fleet(), Options{Format: JSONL, Fields: []string{"tags", "fact"}, Display: "ok"}},
		"yaml":             {fleet(), Options{Format: YAML, Display: "failed"}},
		"yaml-all":         {fleet(), Options{Format: YAML, Sort: true}},
		"yaml-zero":        {zero, Options{Format: YAML}},
		"csv":              {fleet(), Options{Format: CSV}},
		"name":             {fleet(), Options{Format: Name, Display: "ok"}},
		"jq":               {fleet(), Options{JQ: ".sender, .data.tags"}},
		"jq-select":        {fleet(), Options{JQ: "select(.statuscode != 0) | {(.sender): .statusmsg}"}},
	} {
		t.Run(name, func(t *testing.T) {
			var said strings.Builder
			c.o.Err = &said
			got := c.scene.show(t, c.o)
			if said.Len() > 0 {
				got += "---- standard error\n" + said.String()
			}
			path := filepath.Join("testdata", "golden", name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s:\n%s", name, diff)
			}
		})
	}
}
