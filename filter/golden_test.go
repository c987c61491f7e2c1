package filter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"mcollective/internal/subtest"
)

// The golden file holds what Ruby MCollective 2.12.5 made of some filters on one
// node. Where it has null, Ruby raised an exception and the node stayed silent.
type golden struct {
	Node struct {
		Identity  string
		Classes   []string
		Agents    []string
		Facts     map[string]any
		ProbeSize int64 `json:"probe_file_size"`
	}
	FactStrings   [][2]json.RawMessage `json:"fact_strings"`
	FactMatch     [][4]any             `json:"fact_match"`
	ClassMatch    [][2]any             `json:"class_match"`
	AgentMatch    [][2]any             `json:"agent_match"`
	IdentityMatch [][2]any             `json:"identity_match"`
	Compound      []goldenCompound
	Filters       [][2]json.RawMessage
}

type goldenCompound struct {
	Query    string
	Stack    []map[string]any
	Accepted *bool
	Error    string
}

func readGolden(t *testing.T) (*golden, *testNode) {
	t.Helper()
	text, err := os.ReadFile("testdata/filters.json")
	if err != nil {
		t.Fatal(err)
	}
	g := new(golden)
	if err := json.Unmarshal(text, g); err != nil {
		t.Fatal(err)
	}
	n := &testNode{identity: g.Node.Identity, classes: g.Node.Classes, agents: g.Node.Agents, facts: g.Node.Facts}
	n.data = map[string]func(string) (map[string]any, error){
		"fstat": func(q string) (map[string]any, error) {
			switch q {
			case "PROBE":
				return map[string]any{"size": g.Node.ProbeSize, "type": "file", "present": int64(1)}, nil
			case "":
				return nil, errors.New("the query is rejected")
			}
			return map[string]any{"output": "not present", "present": int64(0)}, nil
		},
		"collective": func(q string) (map[string]any, error) { return map[string]any{"member": q == "mcollective"}, nil },
		"fact": func(q string) (map[string]any, error) {
			v, ok := Lookup(n, q)
			return map[string]any{"exists": ok, "value": v}, nil
		},
		"agent": func(q string) (map[string]any, error) {
			if q != "rpcutil" {
				return nil, fmt.Errorf("no agent %s", q)
			}
			return map[string]any{"version": "1.0"}, nil
		},
	}
	return g, n
}

// verdict checks a result against Ruby's: null must be no match and an error. An
// empty regular expression, which matches everything there, matches nothing here.
func verdict(t *testing.T, what string, want any, got bool, err error) {
	t.Helper()
	switch {
	case want != nil && !got && errors.Is(err, errEmptyRegexp):
	case want == nil && (got || err == nil):
		t.Errorf("%s: Ruby raises, we say %v, %v", what, got, err)
	case want != nil && (got != want.(bool) || got && err != nil):
		t.Errorf("%s: Ruby says %v, we say %v, %v", what, want, got, err)
	case want == true && err != nil:
		t.Errorf("%s: %v", what, err)
	}
}

func TestGoldenFactStrings(t *testing.T) {
	g, _ := readGolden(t)
	if len(g.FactStrings) != 47 {
		t.Errorf("%d rows", len(g.FactStrings))
	}
	for _, row := range g.FactStrings {
		var text string
		var want map[string]string
		if err := errors.Join(json.Unmarshal(row[0], &text), json.Unmarshal(row[1], &want)); err != nil {
			t.Fatal(err)
		}
		got, err := ParseFact(text)
		if want == nil {
			if _, ok := errors.AsType[*ParseError](err); !ok {
				t.Errorf("%q: Ruby refuses it, we say %v, %v", text, got, err)
			}
			continue
		}
		if (got != Fact{want[":fact"], want[":operator"], want[":value"]}) || err != nil {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
		if back, err := ParseFact(got.String()); back != got || err != nil {
			t.Errorf("%q: rendered as %q, which parses as %v, %v", text, got.String(), back, err)
		}
	}
}

func TestGoldenMatches(t *testing.T) {
	g, n := readGolden(t)
	if len(g.FactMatch) != 864 || len(g.ClassMatch) != 21 || len(g.AgentMatch) != 10 || len(g.IdentityMatch) != 12 {
		t.Error("rows are missing")
	}
	for _, row := range g.FactMatch {
		f := &Filter{Facts: []Fact{{row[0].(string), row[1].(string), row[2].(string)}}}
		ok, err := f.Match(context.Background(), n, Rules{})
		verdict(t, fmt.Sprintf("%v", row[:3]), row[3], ok, err)
	}
	for _, row := range g.ClassMatch {
		ok, err := (&Filter{Classes: []Pattern{{Text: row[0].(string)}}}).Match(context.Background(), n, Rules{})
		verdict(t, fmt.Sprintf("class %q", row[0]), row[1], ok, err)
	}
	for _, row := range g.IdentityMatch {
		ok, err := (&Filter{Identities: []Pattern{{Text: row[0].(string)}}}).Match(context.Background(), n, Rules{})
		verdict(t, fmt.Sprintf("identity %q", row[0]), row[1], ok, err)
	}
	for _, row := range g.AgentMatch {
		if row[0] == "mcollective" {
			row[1] = true // the table is of the agent list, the pseudo agent is added by the filter
		}
		ok, err := (&Filter{Agents: []Pattern{{Text: row[0].(string)}}}).Match(context.Background(), n, Rules{})
		verdict(t, fmt.Sprintf("agent %q", row[0]), row[1], ok, err)
	}
}

// More than one identity that matches is a match here; Ruby wants exactly one.
const twoIdentities = `{"fact":[],"cf_class":[],"agent":[],"identity":["node1.example.net","/node1/"],"compound":[]}`

func TestGoldenFilters(t *testing.T) {
	g, n := readGolden(t)
	if len(g.Filters) != 25 {
		t.Errorf("%d rows", len(g.Filters))
	}
	for _, row := range g.Filters {
		var hash map[string]json.RawMessage
		var want any
		if err := errors.Join(json.Unmarshal(row[0], &hash), json.Unmarshal(row[1], &want)); err != nil {
			t.Fatal(err)
		}
		f := filterOf(t, hash)
		ok, err := f.Match(context.Background(), n, Rules{})
		if string(row[0]) == twoIdentities {
			want = true
		}
		verdict(t, string(row[0]), want, ok, err)
	}
}

// filterOf makes a filter of the hash on the wire, as package message does.
func filterOf(t *testing.T, hash map[string]json.RawMessage) *Filter {
	t.Helper()
	f := new(Filter)
	known := 0
	for key, raw := range hash {
		var texts []string
		switch key {
		case "fact":
			var facts []map[string]string
			if err := json.Unmarshal(raw, &facts); err != nil {
				t.Fatal(err)
			}
			for _, h := range facts {
				f.Facts = append(f.Facts, Fact{h[":fact"], h[":operator"], h[":value"]})
			}
		case "compound":
			var stacks [][]map[string]any
			if err := json.Unmarshal(raw, &stacks); err != nil {
				t.Fatal(err)
			}
			for _, s := range stacks {
				f.Compound = append(f.Compound, compoundOf(s))
			}
		case "collective":
			f.Irregular = true
			f.Collective = string(raw)
			continue
		case "zzz":
			f.Irregular = true
			continue
		default:
			if err := json.Unmarshal(raw, &texts); err != nil {
				t.Fatal(err)
			}
		}
		known++
		for _, text := range texts {
			p := Pattern{Text: text}
			switch key {
			case "cf_class", "puppet_class":
				f.Classes = append(f.Classes, p)
			case "agent":
				f.Agents = append(f.Agents, p)
			case "identity":
				f.Identities = append(f.Identities, p)
			}
		}
	}
	f.Irregular = f.Irregular || known != 5 && known != 0
	return f
}

func compoundOf(stack []map[string]any) Compound {
	c := Compound{}
	for _, item := range stack {
		for key, v := range item {
			t := Term{Kind: TermKind(key)}
			switch t.Kind {
			case Statement:
				t.Text = v.(string)
			case Call:
				h := v.(map[string]any)
				t.Call = &Function{Name: h["name"].(string), Params: h["params"], Operator: h["operator"].(string)}
				t.Call.Output, _ = h["value"].(string)
				switch r := h["r_compare"].(type) {
				case string:
					t.Call.Compare.Text = r
				case map[string]any:
					t.Call.Compare = Pattern{Text: r["!regexp"].(string), Regexp: true}
				}
			}
			c = append(c, t)
		}
	}
	return c
}

// compoundExtensions are the texts for which we send something else than Ruby:
// either it refuses them, or its nodes misread what it sends, which is nothing
// that anybody could want. The text is what we send.
var compoundExtensions = map[string]struct{ terms, reason string }{
	"cpus=>4":           {"<cpus>=4>", "nodes read =>4 as equal to >4; in -F it means >="},
	"cpus=<4":           {"<cpus<=4>", "nodes read =<4 as equal to <4; in -F it means <="},
	"cpus==4":           {"<cpus=4>", "nodes compare with the empty text"},
	"cpus!=4":           {"not <cpus=4>", "nodes look for a fact named cpus!"},
	"environment!=prod": {"not <environment=prod>", "nodes look for a fact named environment!"},
	"environment!=dev":  {"not <environment=dev>", "nodes look for a fact named environment!"},
	"os=~/Deb/":         {"<os=/Deb/>", "nodes compare with the text ~/Deb/"},
	"os=~Deb":           {"<os=/Deb/>", "nodes compare with the text ~Deb"},
	"eq=a=b":            {`<eq=/\Aa\x3db\z/>`, "nodes compare with a, what follows is lost"},
	"empty=''":          {`<empty=/\A\z/>`, "nodes raise an exception"},
	"country==de and common": {
		"<country=de> and <common>", "nodes compare with the empty text"},

	"cpus >= 4":                      {"<cpus>=4>", "blanks around any operator"},
	" common":                        {"<common>", "blanks in front"},
	"a/b=c":                          {"<a/b=c>", "a slash within a name is a character"},
	"country=de && environment=dev":  {"<country=de> and <environment=dev>", "another writing of and"},
	"country=de || environment=dev":  {"<country=de> or <environment=dev>", "another writing of or"},
	"country=de AND environment=dev": {"<country=de> and <environment=dev>", "upper case"},
	"country=de\nand environment=dev": {
		"<country=de> and <environment=dev>", "a line break is a blank"},
}

// refused are the texts that Ruby sends and every node fails on.
var refused = map[string]bool{"": true, "country=": true, "empty=": true}

func TestGoldenCompound(t *testing.T) {
	g, n := readGolden(t)
	if len(g.Compound) != 157 {
		t.Errorf("%d rows", len(g.Compound))
	}
	used := 0
	for _, row := range g.Compound {
		want := compoundOf(row.Stack)
		if row.Error == "" {
			ok, err := (&Filter{Compound: []Compound{want}}).Match(context.Background(), n, Rules{})
			var accepted any
			if row.Accepted != nil {
				accepted = *row.Accepted
			}
			verdict(t, "evaluating "+row.Query, accepted, ok, err)
		}
		got, err := ParseCompound(row.Query)
		if x, ok := compoundExtensions[row.Query]; ok {
			used++
			if render(got) != x.terms || err != nil || x.reason == "" {
				t.Errorf("%q: %s, %v, want %s", row.Query, render(got), err, x.terms)
			}
			continue
		}
		if row.Error != "" || refused[row.Query] {
			if _, ok := errors.AsType[*ParseError](err); !ok || got != nil {
				t.Errorf("%q: Ruby has the error %s, we say %s, %v", row.Query, row.Error, render(got), err)
			}
			continue
		}
		if err != nil || !got.Equal(want) {
			t.Errorf("%q: %s, %v, want %s", row.Query, render(got), err, render(want))
		}
	}
	if used != len(compoundExtensions) {
		t.Errorf("%d extensions are in the golden file, not %d", used, len(compoundExtensions))
	}
}

// What we send instead of Ruby's must be true on the node as it was meant.
func TestGoldenExtensionsMatch(t *testing.T) {
	_, n := readGolden(t)
	for text, want := range map[string]bool{
		"cpus=>4": true, "cpus=<4": true, "cpus=>5": false, "cpus==4": true, "cpus!=4": false, "cpus!=5": true, "os=~^Deb": true, "os=~deb": false,
		"eq=a=b": true, "eq=a": false, "empty=''": true, "country=''": false, "country!=''": true, "country=de && environment=dev": true, "cpus >= 4": true,
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			c, err := ParseCompound(text)
			if err != nil {
				t.Errorf("%q: %v", text, err)
				return
			}
			if ok := mustMatch(t, &Filter{Compound: []Compound{c}}, n, Rules{}); ok != want {
				t.Errorf("%q as %s: %s", text, render(c), strconv.FormatBool(ok))
			}
			if strings.Contains(render(c), "!=") {
				t.Errorf("%q becomes %s, which nodes cannot read", text, render(c))
			}
		})
	}
}
