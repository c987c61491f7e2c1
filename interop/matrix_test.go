package interop

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"mcollective/internal/dirtest"
)

var (
	all     = []string{"g1", "g2", "r1", "r2"}
	firsts  = []string{"g1", "r1"}
	seconds = []string{"g2", "r2"}
	none    = []string{}
)

// Each row is one command line for both clients, and the nodes that both must
// print. A data function in -S is only answered by nodes that carry the plugin.
var matrix = []struct {
	name string
	args []string
	want []string
}{
	{"everybody", nil, all},
	{"fact equal", []string{"-F", "country=de"}, firsts},
	{"fact double equal", []string{"-F", "country==fr"}, seconds},
	{"fact not equal", []string{"-F", "country!=de"}, seconds},
	{"fact greater", []string{"-F", "cpus>4"}, seconds},
	{"fact less", []string{"-F", "cpus<16"}, firsts},
	{"fact greater or equal", []string{"-F", "cpus>=16"}, seconds},
	{"fact less or equal", []string{"-F", "cpus<=4"}, firsts},
	{"fact arrow right", []string{"-F", "cpus=>16"}, seconds},
	{"fact arrow left", []string{"-F", "cpus=<4"}, firsts},
	{"fact tilde", []string{"-F", "country=~^d"}, firsts},
	{"fact slashes", []string{"-F", "country=/r$/"}, seconds},
	{"fact spaces", []string{"-F", "country = de"}, firsts},
	{"fact float", []string{"-F", "memory_mb<2048.6"}, firsts},
	{"fact float and integer", []string{"-F", "memory_mb>2048.4"}, all},
	{"two facts", []string{"-F", "country=fr", "-F", "cpus>8"}, seconds},
	{"two facts, none", []string{"-F", "country=fr", "-F", "cpus<8"}, none},
	{"fact absent", []string{"-F", "nosuch!=x"}, none},
	{"fact utf-8", []string{"-F", "description=Grüße from the node"}, all},
	{"fact list", []string{"-F", "interfaces=eth0"}, all},
	{"fact hash", []string{"-F", "os=family"}, all},
	{"fact octal", []string{"-F", "uptime_days=017"}, all},
	{"class", []string{"-C", "role::web"}, firsts},
	{"class regex", []string{"-C", "/^role/"}, all},
	{"class regex end", []string{"-C", "/db$/"}, seconds},
	{"two classes", []string{"-C", "common", "-C", "role::db"}, seconds},
	{"agent", []string{"-A", "discovery"}, all},
	{"agent regex", []string{"-A", "/^disco/"}, all},
	{"agent rpcutil", []string{"-A", "rpcutil"}, all},
	{"agent in Ruby", []string{"-A", "interop"}, all},
	{"identity regex", []string{"-I", "/^g/"}, []string{"g1", "g2"}},
	{"identity regexes", []string{"-I", "/^g2/", "-I", "/r1/"}, []string{"g2", "r1"}},
	{"with", []string{"-W", "country=de role::web"}, firsts},
	{"select fact", []string{"-S", "country=de"}, firsts},
	{"select and", []string{"-S", "country=fr and environment=prod"}, seconds},
	{"select or", []string{"-S", "country=fr or country=de"}, all},
	{"select not", []string{"-S", "not country=de"}, seconds},
	{"select bang", []string{"-S", "!country=fr"}, firsts},
	{"select parentheses", []string{"-S", "(country=de or country=fr) and role::web"}, firsts},
	{"select class regex", []string{"-S", "/role::d/"}, seconds},
	{"select fact regex", []string{"-S", "environment=/^pr/"}, seconds},
	{"select greater", []string{"-S", "cpus>4"}, seconds},
	{"select quoted", []string{"-S", "description='Grüße from the node' and country=de"}, firsts},
	{"two selects", []string{"-S", "country=fr", "-S", "cpus>=16"}, seconds},
	{"select function", []string{"-S", "country=fr and fstat('/etc/hosts').size > 10"}, seconds},
	{"collective", []string{"-T", "eu_collective"}, firsts},
	{"collective and fact", []string{"-T", "eu_collective", "-F", "country=fr"}, none},
	{"all kinds", []string{"-F", "country=fr", "-C", "common", "-A", "discovery", "-I", "/2$/", "-S", "cpus=16"}, seconds},
}

func TestMatrixActiveMQ(t *testing.T) { t.Parallel(); testMatrix(t, "activemq") }
func TestMatrixRabbitMQ(t *testing.T) { t.Parallel(); testMatrix(t, "rabbitmq") }

// A question is one command line, and what each client printed.
type question struct {
	args, want []string
	got        map[string][]string
	errs       map[string]error
}

// testMatrix asks all questions first, many at once, since each is mostly
// waiting, and then compares.
func testMatrix(t *testing.T, connector string) {
	c := newCollective(t, connector)
	list := filepath.Join(dirtest.New(t), "nodes")
	if err := os.WriteFile(list, []byte("g1\nr1\nr2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var questions []*question
	both := func(want []string, args ...string) {
		for _, command := range [][]string{{"ping", "-t", "2"}, {"find", "--dt", "2"}} {
			questions = append(questions, &question{args: append(command, args...), want: want})
		}
	}
	for _, row := range matrix {
		both(row.want, row.args...)
	}
	// A literal identity is asked for by ping and simply believed by find.
	both([]string{"g1", "r2"}, "-I", "r2", "-I", "g1")

	var asking sync.WaitGroup
	free := make(chan struct{}, atOnce)
	ask := func(do func()) {
		asking.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			do()
		})
	}
	for _, q := range questions {
		q.got, q.errs = map[string][]string{}, map[string]error{}
		ask(func() {
			for client, run := range map[string]func(...string) ([]string, error){"ruby": c.ruby, "ours": c.ours} {
				q.got[client], q.errs[client] = run(q.args...)
			}
		})
	}
	direct := map[string]*question{"ruby": {want: []string{"g1", "g2", "r2"}}, "ours": {want: []string{"g1", "r1", "r2"}}}
	for client, q := range direct {
		q.got, q.errs = map[string][]string{}, map[string]error{}
		ask(func() {
			if client == "ours" {
				q.got[client], q.errs[client] = c.ours("ping", "-t", "3", "--nodes", list)
				return
			}
			q.got[client], q.errs[client] = c.client("ruby", nil, "-r./compat.rb", "direct.rb",
				filepath.Join(c.home, ".mcollective"), "3", "g1", "g2", "r2")
		})
	}
	asking.Wait()
	for _, q := range questions {
		t.Run(strings.Join(q.args, " "), func(t *testing.T) { q.check(t, 2) })
	}
	for client, q := range direct {
		t.Run("direct from "+client, func(t *testing.T) { q.check(t, 1) })
	}
}

// atOnce bounds the commands that run together: each Ruby client costs a core a
// third of a second.
const atOnce = 10

func (q *question) check(t *testing.T, clients int) {
	if len(q.got) != clients {
		t.Fatalf("%d clients were asked, want %d", len(q.got), clients)
	}
	for client, got := range q.got {
		if err := q.errs[client]; err != nil {
			t.Errorf("%s: %v", client, err)
		} else if !slices.Equal(got, q.want) {
			t.Errorf("%s printed %v, want %v", client, got, q.want)
		}
	}
}
