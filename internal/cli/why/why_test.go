package why

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/filter"
	"mcollective/internal/cli"
	"mcollective/value"
)

func TestNearValues(t *testing.T) {
	values := map[string]int{"CentOS": 3, "Debian": 9, "SLES": 1, "Cobalt": 1}
	fact := filter.Fact{Name: "os", Operator: "==", Value: "centos"}
	if got := nearValues(fact, values); got[0] != "CentOS" {
		t.Errorf("nearest to centos: %v", got)
	}
	numbers := map[string]int{"2": 1, "16": 1, "32": 1, "many": 1}
	fact = filter.Fact{Name: "cpus", Operator: ">", Value: "30"}
	if diff := cmp.Diff([]string{"32", "16", "2", "many"}, nearValues(fact, numbers)); diff != "" {
		t.Error(diff)
	}
	fact = filter.Fact{Name: "os", Operator: "=~", Value: "/^ian/"}
	if got := nearValues(fact, values); got[0] != "Debian" {
		t.Errorf("nearest to ian: %v", got)
	}
}

// member makes a node as rpcutil inventory tells of it.
func newMember(name string, agents, classes []any, facts *value.Map, inactive *value.Map) *member {
	m := &member{identity: name}
	about := value.NewMap(value.Symbol("agents"), agents, value.Symbol("classes"), classes, value.Symbol("facts"), facts)
	if inactive != nil {
		about.Set(value.Symbol("inactive_agents"), inactive)
	}
	m.load(about)
	return m
}

func TestExplanation(t *testing.T) {
	var out bytes.Buffer
	os := value.NewMap("name", "CentOS", "release", value.NewMap("major", int64(7)))
	x := &explanation{
		env: (&cli.Env{Out: &out}).WithDefaults(), target: "mcollective",
		nodes: &nodeSet{members: []*member{
			newMember("web1", []any{"rpcutil", "service"}, []any{"web"}, value.NewMap("os", os, "country", "de"), nil),
			newMember("web2", []any{"rpcutil"}, []any{"web"}, value.NewMap("os", os, "country", "fr"), value.NewMap("service", "no service manager\x1b[2J")),
			{identity: "hung"},
		}},
	}
	var f filter.Filter
	for _, text := range []string{"country=de", "os.release.major=8"} {
		fact, err := filter.ParseFact(text)
		if err != nil {
			t.Fatal(err)
		}
		f.Facts = append(f.Facts, fact)
	}
	f.Agents = []filter.Pattern{{Text: "service"}}
	for _, c := range clauses(f) {
		x.verdicts = append(x.verdicts, x.nodes.judge(c))
	}
	x.print()
	want := `3 nodes of the collective mcollective answered.
1 node did not say what facts, classes and agents they have: hung

   -F country=de          1 of 3 matches, 1 unknown
   -F os.release.major=8  0 of 3 match, 1 unknown
                            nearest: 7 (2 nodes)
   -A service             1 of 3 matches, 1 unknown
                            inactive on 1 node: no service manager\x1b[2J (web2)

All of it: no node that is known to match.
Not known of 1 node: hung.
Without -F os.release.major=8: 1 node, web1.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestComparisonsInExpressions(t *testing.T) {
	c, err := filter.ParseCompound("web and (country=de or not cpus>=4) and os=/^C/")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, inner := range comparisons(c) {
		kind, name, fact := inner.subject()
		got = append(got, strings.TrimSpace(kind+" "+name+" "+fact.Operator+" "+fact.Value))
	}
	want := []string{"class web", "fact country == de", "fact cpus >= 4", "fact os =~ /^C/"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
