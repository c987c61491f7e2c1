package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, role Role, text string) *Config {
	t.Helper()
	c, err := Load(write(t, dirtest.New(t), "server.cfg", text), role)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestShippedServerFile(t *testing.T) {
	c := load(t, Server, `main_collective = mcollective
collectives = mcollective
libdir = /usr/share/mcollective/plugins
logfile = /var/log/mcollective.log
loglevel = info
daemonize = 1

# Plugins
securityprovider = psk
plugin.psk = unset

connector = activemq
plugin.activemq.pool.size = 1
plugin.activemq.pool.1.host = stomp1
plugin.activemq.pool.1.port = 61613
plugin.activemq.pool.1.user = mcollective
plugin.activemq.pool.1.password = marionette

# Facts
factsource = yaml
plugin.yaml = /etc/mcollective/facts.yaml
`)
	if c.Connector != "activemq" || c.SecurityProvider != "psk" || c.FactSource != "yaml" {
		t.Errorf("connector %q, security %q, facts %q", c.Connector, c.SecurityProvider, c.FactSource)
	}
	if c.LoggerType != "file" || c.LogFile != "/var/log/mcollective.log" || !c.Daemonize {
		t.Errorf("logger %q, logfile %q, daemonize %v", c.LoggerType, c.LogFile, c.Daemonize)
	}
	if n, err := c.PluginInt("activemq.pool.size", 0); n != 1 || err != nil {
		t.Errorf("pool.size = %d, %v", n, err)
	}
	if len(c.FactsDirs) != 0 {
		t.Errorf("external facts %q although the source is yaml", c.FactsDirs)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings %q", c.Warnings)
	}
}

// What each key does is read back through Get, which shows the typed field.
func TestEveryKeyIsRead(t *testing.T) {
	samples := map[string]string{
		"identity": "web-1.example.net", "collectives": "a,b", "main_collective": "b",
		"connector": "activemq", "securityprovider": "ssl", "factsource": "facter",
		"facts_dir": "/a:/b", "agents_dir": "/g:/h", "classesfile": "/c", "libdir": "/l:/m", "logger_type": "syslog",
		"logfile": "/x.log", "loglevel": "fatal", "logfacility": "local3",
		"default_discovery_method": "flatfile", "default_discovery_options": "/hosts",
		"default_batch_sleep_time": "0.25", "rpclimitmethod": "random", "registration": "meta",
		"registration_collective": "a", "rpcauditprovider": "logfile", "rpcauthprovider": "action_policy",
		"ssl_cipher": "aes-128-cbc",
	}
	plain := defaults(Client)
	for _, r := range keys {
		want, ok := samples[r.name]
		if !ok {
			switch r.field(plain).(type) {
			case *bool:
				want = map[string]string{"true": "false", "false": "true"}[r.show(plain)]
			case *int, *int64, *time.Duration:
				if want = "7000"; r.most < 7000 {
					want = "7"
				}
			default:
				t.Fatalf("no sample for %s", r.name)
			}
		}
		// As a client, which does not mind what only nodes cannot do.
		c := load(t, Client, "# first\n\n"+r.name+" = "+want+"  \t\n")
		got, ok := c.Get(r.name)
		if !ok || got != want {
			t.Errorf("%s = %s is read as %q", r.name, want, got)
		}
		if o := c.Origin(r.name); o.Line != 3 || !strings.HasSuffix(o.String(), "server.cfg:3") {
			t.Errorf("origin of %s is %s", r.name, o)
		}
		if r.show(plain) == want {
			t.Errorf("the sample of %s is its default, which proves nothing", r.name)
		}
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct{ text, want string }{
		{"loglevle = info", `server.cfg:1: unknown key "loglevle"; did you mean "loglevel"?`},
		{"\n\nttl = soon", "server.cfg:3: ttl = soon: not a whole number (whole seconds)"},
		{"ttl = 1.5", "server.cfg:1: ttl = 1.5: not a whole number"},
		{"ttl = -1", "ttl = -1: cannot be negative"},
		{"ttl = 0", "server.cfg:1: ttl = 0: must be from 1 to 31536000 (whole seconds)"},
		{"ttl = 60s", "ttl = 60s: not a whole number, since no unit is understood (whole seconds)"},
		{"default_batch_sleep_time = 500ms", "500ms: not a number of seconds, since no unit is understood"},
		{"ttl = 99999999999999999999", "too large"},
		{"keeplogs = 08", "server.cfg:1: keeplogs = 08: not a whole number"},
		{"daemonize = maybe", "server.cfg:1: daemonize = maybe: not a boolean"},
		{"default_batch_sleep_time = nan", "not a number of seconds"},
		{"libdir = plugins", `server.cfg:1: libdir = plugins: the path "plugins" is relative`},
		{"identity = a b", "server.cfg:1: identity = a b: an identity has only"},
		{"collectives = a,b/c", `collective has only letters, digits and the signs . _ -, not "b/c"`},
		{"collectives = ,", "names no collective"},
		{"loglevel = inof", `must be one of debug, info, warn, error, fatal; did you mean "info"?`},
		{"factsource = yml\nplugin.yaml = /f", `server.cfg:1: factsource = yml: must be one of builtin, yaml, facter; did you mean "yaml"?`},
		{"factsource = yaml", "server.cfg:1: factsource = yaml needs plugin.yaml"},
		{"ttl = x\nkeeplogs = y", "server.cfg:2: keeplogs"},
		{"  # indented = no comment", `unknown key "# indented"`},
		{"ttl = 60\nttl =", "server.cfg:2: ttl has no value; remove the line or give it one"},
		{"plugin.file.allow = \t", "server.cfg:1: plugin.file.allow has no value"},
		{"ttl", "server.cfg:1: the line is no setting, which has the form KEY = VALUE"},
		{"connector = actvemq", `server.cfg:1: connector = actvemq: must be one of nats, activemq, rabbitmq; did you mean "activemq"?`},
		{"securityprovider = sshkey", "server.cfg:1: securityprovider = sshkey: must be one of creds, psk, ssl, aes_security"},
		{"securityprovider = Pks", `did you mean "psk"?`},
		{"plugin.ssl_client_publc = /a.pem", `ssl has no such setting; did you mean "ssl_client_public"?`},
		{"plugin.ssl.enforce_tll = 0", `ssl has no such setting; did you mean "ssl.enforce_ttl"?`},
		{"plugin.ssl.min_key_bits = 512", "must be from 1024 to 8192"},
		{"plugin.aes.insecure_learning = 1", "anybody could choose a name"},
		{"plugin.aes.learn_pubkey = 1", `aes has no such setting; did you mean "aes.learn_pubkeys"?`},
		{"plugin.ssl_serializer = json", "must be one of marshal, yaml"},
		{"logfacility = local9", `server.cfg:1: logfacility = local9: must be one of kern, user`},
		{"logger_type = file", "server.cfg:1: logger_type = file needs logfile"},
		{"plugin.activemq.pool.1.hots = h", `server.cfg:1: plugin.activemq.pool.1.hots = h: activemq has no such setting; did you mean "activemq.pool.N.host"?`},
		{"plugin.rabbitmq.randomise = 1", `did you mean "rabbitmq.randomize"?`},
		{"plugin.file.alow = /srv", `server.cfg:1: plugin.file.alow = /srv: file has no such setting; did you mean "file.allow"?`},
		{"plugin.shell.user = nobody", `shell has no such setting; did you mean "shell.users"?`},
		{"plugin.puppet.resource_name_whitelst.file = /srv", "puppet has no such setting"},
		{"plugin.ruby.agnets = 0", `did you mean "ruby.agents"?`},
		{"plugin.package.activate_agnet = 0", `server.cfg:1: plugin.package.activate_agnet = 0: unknown setting; did you mean "package.activate_agent"?`},
		{"plugin.mine.activate_agent = perhaps", "server.cfg:1: plugin.mine.activate_agent = perhaps: not a boolean"},
		{"plugin.mine.ruby = perhaps", "not a boolean"},
		{"plugin.nrpe.allow_args = nope", "server.cfg:1: plugin.nrpe.allow_args = nope: not a boolean"},
		{"plugin.file.max_size = 1G", "plugin.file.max_size = 1G: not a whole number"},
		{"plugin.shell.limit = -1", "plugin.shell.limit = -1: a time cannot be negative"},
		{"plugin.activemq.pool.1.port = 70000", "must be from 1 to 65535"},
		{"plugin.rabbitmq.priority = 10", "must be from 0 to 9"},
		{"plugin.psk.callertype = usr", `plugin.psk.callertype = usr: must be one of uid, gid, user, group, identity; did you mean`},
		{"logfile = \xff", "server.cfg:1: the line is not UTF-8 text"},
	}
	for _, tt := range tests {
		t.Run(subtest.Name(tt.text), func(t *testing.T) {
			_, err := Load(write(t, dirtest.New(t), "server.cfg", tt.text), Server)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q: error %v, want %q", tt.text, err, tt.want)
			}
		})
	}
}

func TestNoFile(t *testing.T) {
	c, err := Load("", Client)
	if err != nil {
		t.Fatal(err)
	}
	if c.Connector != "nats" || c.LoggerType != "console" || c.LogLevel != "warn" || c.MainCollective != "mcollective" {
		t.Errorf("defaults: %+v", c)
	}
	if _, err := Load(filepath.Join(dirtest.New(t), "none.cfg"), Client); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

func TestDefaultsThatDepend(t *testing.T) {
	tests := []struct{ text, key, want string }{
		{"plugin.activemq.pool.size = 1", "connector", "activemq"},
		{"plugin.rabbitmq.pool.size = 1", "connector", "rabbitmq"},
		{"plugin.nats.servers = nats://h:4222", "connector", "nats"},
		{"connector = RabbitMQ\nplugin.activemq.pool.size = 1", "connector", "rabbitmq"},
		{"plugin.yaml = /f", "factsource", "yaml"},
		{"ttl = 5", "factsource", "builtin"},
		{"collectives = uk,mcollective", "main_collective", "mcollective"},
		{"collectives = uk,us", "main_collective", "uk"},
		{"collectives = uk,us\nmain_collective = us", "registration_collective", "us"},
		{"libdir = /a:/b\nlibdir = /c\nlibdir = /a", "libdir", "/b:/c:/a"},
		{"max_log_size = 1_000", "max_log_size", "1000"},
		{"keeplogs = 0x10", "keeplogs", "16"},
		{"daemonize =  YES", "daemonize", "true"},
		{"logfile = a = b", "logfile", "a = b"},
	}
	for _, tt := range tests {
		t.Run(subtest.Name(tt.text), func(t *testing.T) {
			if got, _ := load(t, Server, tt.text).Get(tt.key); got != tt.want {
				t.Errorf("%q: %s is %q, want %q", tt.text, tt.key, got, tt.want)
			}
		})
	}
	c := load(t, Server, "libdir = /a:/b\nlibdir = /c")
	if want := []string{"/c", "/b", "/a"}; !slices.Equal(c.LibDirs, want) {
		t.Errorf("searched in the order %q, want %q", c.LibDirs, want)
	}
}

func TestPluginDirectory(t *testing.T) {
	dir := dirtest.New(t)
	main := write(t, dir, "server.cfg", "plugin.puppet.command = puppet\nplugin.puppet.splay = true\n")
	write(t, dir, "plugin.d/puppet.cfg", "# comment\ncommand = /opt/puppet agent\n")
	write(t, dir, "plugin.d/README", "x = y\n")
	write(t, dir, "plugin.d/two-words.cfg", "x = y\n")
	c, err := Load(main, Server)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Plugin("puppet.command"); got != "/opt/puppet agent" {
		t.Errorf("puppet.command is %q", got)
	}
	if got, err := c.PluginBool("puppet.splay", false); !got || err != nil {
		t.Errorf("puppet.splay is %v, %v", got, err)
	}
	if _, ok := c.Plugin("two-words.x"); ok {
		t.Error("a file with a name that is none of a plugin was read")
	}
	if o := c.Origin("plugin.puppet.command"); o.Line != 2 || !strings.HasSuffix(o.File, "plugin.d/puppet.cfg") {
		t.Errorf("origin %s", o)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "two-words.cfg: ignored") {
		t.Errorf("warnings %q", c.Warnings)
	}
}

func TestPluginGetters(t *testing.T) {
	c := load(t, Server, "plugin.x.b = perhaps\nplugin.x.i = 12\nplugin.x.f = 0.5\nplugin.x.secret = abc\n")
	if _, err := c.PluginBool("x.b", true); err == nil || !strings.Contains(err.Error(), "server.cfg:1: plugin.x.b = perhaps: not a boolean") {
		t.Errorf("bool: %v", err)
	}
	if got, err := c.PluginInt("x.i", 0); got != 12 || err != nil {
		t.Errorf("int: %d, %v", got, err)
	}
	if got, err := c.PluginSeconds("x.f", 0); got != 500*time.Millisecond || err != nil {
		t.Errorf("seconds: %v, %v", got, err)
	}
	if got, err := c.PluginFloat("x.none", 2.5); got != 2.5 || err != nil {
		t.Errorf("default: %v, %v", got, err)
	}
	if _, err := c.PluginInt("x.secret", 0); err == nil || strings.Contains(err.Error(), "abc") {
		t.Errorf("the error shows a secret: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	tests := []struct{ text, want string }{
		{"topicprefix = /topic/", `server.cfg:1: "topicprefix" has had no effect`},
		{"main_collective = x", "main_collective = x is not one of collectives"},
		{"plugin.activemq.pool.size = 1\nplugin.activemq.pool.1.host = a\nplugin.activemq.pool.2.host = b", "server.cfg:3: plugin.activemq.pool.2.host has no effect, since plugin.activemq.pool.size is 1"},
		{"ttl = 900", "server.cfg:1: ttl = 900 is more than the 600 s"},
	}
	for _, tt := range tests {
		t.Run(subtest.Name(tt.text), func(t *testing.T) {
			c := load(t, Server, tt.text)
			if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], tt.want) {
				t.Errorf("%q: warnings %q, want %q", tt.text, c.Warnings, tt.want)
			}
		})
	}
}

func TestReadableSecretWarns(t *testing.T) {
	path := write(t, dirtest.New(t), "server.cfg", "plugin.psk = hunter2\n")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, Server)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "chmod o-rwx "+path) || strings.Contains(c.Warnings[0], "hunter2") {
		t.Errorf("warnings %q", c.Warnings)
	}
}

func TestRedacted(t *testing.T) {
	c := load(t, Server, `plugin.psk = hunter2
plugin.psk.callertype = uid
plugin.activemq.pool.1.password = hunter2
plugin.activemq.prompt_password = false
plugin.activemq.pool.1.ssl.key = /etc/key.pem
plugin.nats.servers = nats://bob:hunter2@a:4222, carol:hunter2@b:4222, tls://c
plugin.nats.token = hunter2
plugin.nats.credentials = /etc/nats.creds
plugin.other.api_key = hunter2
plugin.other.nkey = hunter2
ttl = 30
`)
	got := map[string]string{}
	for _, s := range c.Redacted() {
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("%s shows its secret: %s", s.Key, s.Value)
		}
		if strings.HasPrefix(s.Key, "plugin.") || s.Key == "ttl" || s.Key == "keeplogs" {
			got[s.Key] = s.Value
		}
	}
	want := map[string]string{
		"plugin.psk": hidden, "plugin.psk.callertype": "uid",
		"plugin.activemq.pool.1.password": hidden, "plugin.activemq.prompt_password": "false",
		"plugin.activemq.pool.1.ssl.key": "/etc/key.pem",
		"plugin.nats.servers":            "nats://(secret)@a:4222, (secret)@b:4222, tls://c",
		"plugin.nats.token":              hidden, "plugin.nats.credentials": "/etc/nats.creds",
		"plugin.other.api_key": hidden, "plugin.other.nkey": hidden,
		"ttl": "30", "keeplogs": "5",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFind(t *testing.T) {
	env := map[string]string{"HOME": "/home/bob"}
	getenv := func(k string) string { return env[k] }
	want := []string{"/home/bob/.mcollective", "/home/bob/.config/mcollective/client.cfg",
		"/etc/puppetlabs/mcollective/client.cfg", "/etc/mcollective/client.cfg"}
	if d := cmp.Diff(want, ClientPaths(getenv)); d != "" {
		t.Error(d)
	}
	env["XDG_CONFIG_HOME"] = "/xdg"
	if got := ClientPaths(getenv)[1]; got != "/xdg/mcollective/client.cfg" {
		t.Errorf("XDG_CONFIG_HOME is not heeded: %s", got)
	}
	clear(env)
	if got, ok := FindClient(getenv, func(p string) bool { return p == "/etc/mcollective/client.cfg" }); got != "/etc/mcollective/client.cfg" || !ok {
		t.Errorf("found %q, %v", got, ok)
	}
	if got, ok := FindServer(func(string) bool { return false }); ok {
		t.Errorf("found %q where there is nothing", got)
	}
	if Readable(dirtest.New(t)) {
		t.Error("a directory counts as a file")
	}
}

// The parser is written by hand; these are the expressions that Ruby
// MCollective splits its files with.
func rubyParse(text string) (pairs [][2]string) {
	assign := regexp.MustCompile(`^(.+?)[ \t\r\f\v]*=[ \t\r\f\v]*(.+)`)
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, space)
		if line == "" || line[0] == '#' {
			continue
		}
		if m := assign.FindStringSubmatch(line); m != nil {
			pairs = append(pairs, [2]string{strings.Trim(m[1], space), m[2]})
		}
	}
	return pairs
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a = b", "a=b=c", "=a=b", "=", "a =", " = b", "a\t=\tb \r\n#c=d\n #e=f", "a==", "a= =", "\x00=\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			return // Ruby stops there
		}
		var got [][2]string
		for _, l := range parse("f", []byte(text)) {
			if l.err != nil {
				continue // no setting: Ruby passes it over
			}
			got = append(got, [2]string{l.key, l.val})
		}
		want := rubyParse(text)
		if !slices.Equal(got, want) {
			t.Errorf("%q is read as %q, by Ruby as %q", text, got, want)
		}
		c := defaults(Server)
		for _, l := range parse("f", []byte(text)) {
			_ = c.setLine(l)
		}
		c.Redacted()
	})
}

func BenchmarkLoad(b *testing.B) {
	path := filepath.Join(dirtest.New(b), "client.cfg")
	text := "ttl = 30\nloglevel = warn\nplugin.psk = x\nplugin.activemq.pool.size = 1\nplugin.activemq.pool.1.host = h\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Load(path, Client); err != nil {
			b.Fatal(err)
		}
	}
}
