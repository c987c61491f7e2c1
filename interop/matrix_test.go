package interop

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var (
	all     = []string{"g1", "g2", "r1", "r2"}
	firsts  = []string{"g1", "r1"}
	seconds = []string{"g2", "r2"}
	rubies  = []string{"r1", "r2"}
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
	{"fact float", []string{"-F", "memory_mb>2048.4"}, firsts},
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
	{"agent of Ruby's", []string{"-A", "interop"}, rubies},
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
	{"select function", []string{"-S", "country=fr and fstat('/etc/hosts').size > 10"}, []string{"r2"}},
	{"collective", []string{"-T", "eu_collective"}, firsts},
	{"collective and fact", []string{"-T", "eu_collective", "-F", "country=fr"}, none},
	{"all kinds", []string{"-F", "country=fr", "-C", "common", "-A", "discovery", "-I", "/2$/", "-S", "cpus=16"}, seconds},
}

func TestMatrixActiveMQ(t *testing.T) { testMatrix(t, "activemq") }
func TestMatrixRabbitMQ(t *testing.T) { testMatrix(t, "rabbitmq") }

func testMatrix(t *testing.T, connector string) {
	c := newCollective(t, connector)
	t.Run("rows", func(t *testing.T) {
		for _, row := range matrix {
			t.Run(row.name+"/ping", func(t *testing.T) {
				c.compare(t, row.want, append([]string{"ping", "-t", "2"}, row.args...))
			})
			t.Run(row.name+"/find", func(t *testing.T) {
				c.compare(t, row.want, append([]string{"find", "--dt", "2"}, row.args...))
			})
		}
		// A literal identity is asked for by ping and simply believed by find.
		t.Run("identity/ping", func(t *testing.T) {
			c.compare(t, []string{"g1", "r2"}, []string{"ping", "-t", "2", "-I", "r2", "-I", "g1"})
		})
		t.Run("identity/find", func(t *testing.T) {
			c.compare(t, []string{"g1", "r2"}, []string{"find", "--dt", "2", "-I", "r2", "-I", "g1"})
		})
		t.Run("direct from Ruby", func(t *testing.T) { c.directFromRuby(t) })
		t.Run("direct from ours", func(t *testing.T) { c.directFromOurs(t) })
	})
}

// compare runs one command line with both clients.
func (c *collective) compare(t *testing.T, want, args []string) {
	t.Parallel()
	parallel <- struct{}{}
	defer func() { <-parallel }()
	for client, run := range map[string]func(...string) ([]string, error){"ruby": c.ruby, "ours": c.ours} {
		got, err := run(args...)
		if err != nil {
			t.Errorf("%s: %v", client, err)
		} else if !slices.Equal(got, want) {
			t.Errorf("%s: mco %s printed %v, want %v", client, strings.Join(args, " "), got, want)
		}
	}
}

func (c *collective) directFromRuby(t *testing.T) {
	t.Parallel()
	parallel <- struct{}{}
	defer func() { <-parallel }()
	got, err := c.client("ruby", nil, "-r./compat.rb", "direct.rb", filepath.Join(c.home, ".mcollective"), "3", "g1", "g2", "r2")
	if want := []string{"g1", "g2", "r2"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("direct request from Ruby reached %v, %v; want %v", got, err, want)
	}
}

func (c *collective) directFromOurs(t *testing.T) {
	t.Parallel()
	parallel <- struct{}{}
	defer func() { <-parallel }()
	list := filepath.Join(t.TempDir(), "nodes")
	if err := os.WriteFile(list, []byte("g1\nr1\nr2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := c.ours("ping", "-t", "3", "--nodes", list)
	if want := []string{"g1", "r1", "r2"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("direct requests of ours reached %v, %v; want %v", got, err, want)
	}
}
