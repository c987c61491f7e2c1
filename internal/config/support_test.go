package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
)

// rubyKeys are all keys of Ruby MCollective 2.12: those that its Config class
// knows, and the settings that its own plugins and applications ask for.
var rubyKeys = strings.Fields(`
	activate_agents classesfile collectives color connection_timeout connector daemonize default_batch_size default_batch_sleep_time
	default_discovery_method default_discovery_options direct_addressing direct_addressing_threshold discovery_timeout fact_cache_time
	factsource helptemplatedir identity keeplogs libdir logfacility logfile logger_type loglevel main_collective max_log_size
	publish_timeout queueprefix registerinterval registration registration_collective registration_splay rpcaudit rpcauditprovider
	rpcauthorization rpcauthprovider rpchelptemplate rpclimitmethod securityprovider soft_shutdown soft_shutdown_timeout ssl_cipher
	threaded topicprefix topicsep ttl

	plugin.yaml plugin.psk plugin.psk.callertype plugin.rpc.graph plugin.rpcaudit.logfile plugin.nameofagent.activate_agent
	plugin.debian_packager.keyname plugin.metadata.name plugin.metadata.author

	plugin.ssl_client_cert_dir plugin.ssl_client_private plugin.ssl_client_public plugin.ssl_server_private plugin.ssl_server_public
	plugin.ssl_serializer plugin.ssl.enforce_ttl
	plugin.aes.ca_cert plugin.aes.client_cert_dir plugin.aes.client_private plugin.aes.client_public plugin.aes.enforce_ttl
	plugin.aes.insecure_learning plugin.aes.learn_pubkeys plugin.aes.send_pubkey plugin.aes.serializer plugin.aes.server_private
	plugin.aes.server_public

	plugin.activemq.agents_multiplex plugin.activemq.back_off_multiplier plugin.activemq.backup plugin.activemq.base64
	plugin.activemq.connect_timeout plugin.activemq.heartbeat_interval plugin.activemq.initial_reconnect_delay
	plugin.activemq.max_hbread_fails plugin.activemq.max_hbrlck_fails plugin.activemq.max_reconnect_attempts
	plugin.activemq.max_reconnect_delay plugin.activemq.pool.1.host plugin.activemq.pool.1.password plugin.activemq.pool.1.port
	plugin.activemq.pool.1.ssl plugin.activemq.pool.1.ssl.ca plugin.activemq.pool.1.ssl.cert plugin.activemq.pool.1.ssl.ciphers
	plugin.activemq.pool.1.ssl.fallback plugin.activemq.pool.1.ssl.key plugin.activemq.pool.1.user plugin.activemq.pool.size
	plugin.activemq.priority plugin.activemq.prompt_password plugin.activemq.prompt_user plugin.activemq.randomize
	plugin.activemq.stomp_1_0_fallback plugin.activemq.timeout plugin.activemq.use_exponential_back_off plugin.activemq.vhost

	plugin.rabbitmq.agents_multiplex plugin.rabbitmq.back_off_multiplier plugin.rabbitmq.backup plugin.rabbitmq.base64
	plugin.rabbitmq.connect_timeout plugin.rabbitmq.heartbeat_interval plugin.rabbitmq.initial_reconnect_delay
	plugin.rabbitmq.max_hbread_fails plugin.rabbitmq.max_hbrlck_fails plugin.rabbitmq.max_reconnect_attempts
	plugin.rabbitmq.max_reconnect_delay plugin.rabbitmq.pool.1.host plugin.rabbitmq.pool.1.password plugin.rabbitmq.pool.1.port
	plugin.rabbitmq.pool.1.ssl plugin.rabbitmq.pool.1.ssl.ca plugin.rabbitmq.pool.1.ssl.cert plugin.rabbitmq.pool.1.ssl.ciphers
	plugin.rabbitmq.pool.1.ssl.fallback plugin.rabbitmq.pool.1.ssl.key plugin.rabbitmq.pool.1.user plugin.rabbitmq.pool.size
	plugin.rabbitmq.prompt_password plugin.rabbitmq.prompt_user plugin.rabbitmq.randomize plugin.rabbitmq.stomp_1_0_fallback
	plugin.rabbitmq.timeout plugin.rabbitmq.use_exponential_back_off plugin.rabbitmq.use_reply_exchange plugin.rabbitmq.vhost
`)

// fate is what becomes of a key.
func (r *row) fate() string {
	switch {
	case r.feature != nil:
		return "refused"
	case r.ignored != "" || r.obsolete:
		return "harmless"
	}
	return "honoured"
}

func TestEveryKeyOfRubyHasARow(t *testing.T) {
	count := map[string]int{}
	for _, name := range rubyKeys {
		r := findRow(name)
		if r == nil {
			t.Errorf("%s has no row", name)
			continue
		}
		if r.ours {
			t.Errorf("%s is said to be new", name)
		}
		count[r.fate()]++
	}
	if count["honoured"] < 50 || count["harmless"] < 20 || count["refused"] < 6 {
		t.Errorf("counts %v", count)
	}
}

// TestRubyKeysAreAll reads the sources of Ruby MCollective where the interop suite
// has it.
func TestRubyKeysAreAll(t *testing.T) {
	if os.Getenv("MCO_INTEROP") == "" {
		t.Skip("without MCO_INTEROP=1")
	}
	const root = "/usr/lib/ruby/vendor_ruby/mcollective"
	asks := regexp.MustCompile(`(?:pluginconf\.?(?:\[|fetch\(|include\?\()|get_(?:bool_)?option\()"([a-z0-9_.#{}]+)"`)
	knows := regexp.MustCompile(`^\s*when ("[a-z_]+"(?:, "[a-z_]+")*)`)
	found := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".rb" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range asks.FindAllStringSubmatch(string(text), -1) {
			name := strings.NewReplacer("#{poolnum}", "1", "#{agent_name}", "nameofagent", "#{confoption}", "name").Replace(m[1])
			if found++; !strings.Contains(name, "#") && !slices.Contains(rubyKeys, "plugin."+name) {
				t.Errorf("%s asks for plugin.%s, which is in no list", path, name)
			}
		}
		if filepath.Base(path) != "config.rb" {
			return nil
		}
		for line := range strings.Lines(string(text)) {
			m := knows.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			for name := range strings.SplitSeq(m[1], ", ") {
				if found++; !slices.Contains(rubyKeys, strings.Trim(name, `"`)) {
					t.Errorf("%s knows %s, which is in no list", path, name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 100 {
		t.Errorf("found %d keys only", found)
	}
}

func TestWhatIsNotImplementedIsRefused(t *testing.T) {
	tests := []struct {
		text string
		want []string // errors of a node; none starts it
	}{
		{"rpcauthorization = 1", []string{"server.cfg:1: rpcauthorization is on, and rpcauthprovider = : must be action_policy"}},
		{"rpcauthorization = 1\nrpcauthprovider = action_polcy", []string{"rpcauthprovider = action_polcy: must be action_policy"}},
		{"rpcaudit = yes", []string{"server.cfg:1: rpcaudit = true: an audit log is not implemented"}},
		{"registerinterval = 300", []string{"server.cfg:1: registerinterval = 300: registration is not implemented"}},
		{"rpcauthprovider = action_policy", []string{"server.cfg:1: rpcauthprovider = action_policy: authorization is off; add rpcauthorization = 1, or = 0 if the node may run without it"}},
		{"plugin.actionpolicy.enable_default = 1", []string{"server.cfg:1: plugin.actionpolicy.enable_default"}},
		{"rpcauditprovider = logfile\nplugin.rpcaudit.logfile = /var/log/audit", []string{"server.cfg:1: rpcauditprovider", "server.cfg:2: plugin.rpcaudit.logfile"}},
		{"registration = meta\nplugin.registration.extra_yaml_dir = /etc", []string{"server.cfg:1: registration = meta", "server.cfg:2: plugin.registration"}},
		// What nobody wants is no loss.
		{"rpcauthorization = 0\nrpcauthprovider = action_policy\nplugin.actionpolicy.allow_unconfigured = 1", nil},
		{"rpcaudit = no\nrpcauditprovider = logfile\nplugin.rpcaudit.logfile = /var/log/audit", nil},
		{"registerinterval = 0\nregistration = meta\nregistration_collective = uk\nregistration_splay = 1", nil},
		{"registration = Agentlist", nil},
		{"threaded = 1\nssl_cipher = aes-128-cbc\nplugin.aes.server_private = /k\nplugin.ssl_serializer = yaml", nil},
	}
	for _, tt := range tests {
		t.Run(subtest.Name(tt.text), func(t *testing.T) {
			path := write(t, dirtest.New(t), "server.cfg", tt.text)
			c, err := Load(path, Server)
			switch {
			case err == nil && len(tt.want) > 0:
				t.Errorf("%q: a node starts", tt.text)
			case err != nil && len(tt.want) == 0:
				t.Errorf("%q: %v", tt.text, err)
			case err != nil:
				lines := strings.Split(err.Error(), "\n")
				if len(lines) != len(tt.want) {
					t.Errorf("%q: %d errors, want %d:\n%v", tt.text, len(lines), len(tt.want), err)
				}
				for _, want := range tt.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q: %v\nwant %s", tt.text, err, want)
					}
				}
			default:
				if len(c.Ignored) == 0 || !strings.Contains(c.Ignored[0], "has no effect: ") {
					t.Errorf("%q: nothing says that it has no effect: %q", tt.text, c.Ignored)
				}
			}
			// None of this is about a client.
			if c, err = Load(path, Client); err != nil || len(c.Ignored) == 0 {
				t.Errorf("%q: a client: %v", tt.text, err)
			}
		})
	}
}

// A limit that holds nothing, or that is read otherwise than it is meant, is none.
func TestListsThatLimitNothing(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"plugin.file.allow = :", "there is no path in the list"},
		{"plugin.file.allow = srv", `the path "srv" is relative`},
		{"plugin.file.deny = /etc:root", `the path "root" is relative`},
		{"plugin.file.deny = /etc,/root", "write :, and no comma"},
		{"plugin.file.deny = /etc, /root", "write :, and no comma"},
		{"plugin.nrpe.conf_dir = : :", "there is no path in the list"},
		{"plugin.shell.users = ,", "there is no name in the list"},
		{"plugin.puppet.resource_type_blacklist = , ,", "there is no name in the list"},
		{"plugin.puppet.resource_name_blacklist.service = ,", "there is no name in the list"},
		{"plugin.nats.servers = ,", "there is no name in the list"},
		{"plugin.rabbitmq.pool.1.ssl.ca = ,", "there is no name in the list"},
	} {
		t.Run(subtest.Name(tt.line), func(t *testing.T) {
			path := write(t, dirtest.New(t), "server.cfg", tt.line)
			for _, role := range []Role{Server, Client} {
				if _, err := Load(path, role); err == nil || !strings.Contains(err.Error(), "server.cfg:1: "+tt.line+": "+tt.want) {
					t.Errorf("%s: %v, want %s", tt.line, err, tt.want)
				}
			}
		})
	}
	for _, line := range []string{
		"plugin.file.allow = /srv:/opt/", "plugin.file.deny = /srv/a,b", "plugin.shell.users = www,", "plugin.puppet.resource_type_blacklist = none",
	} {
		if _, err := Load(write(t, dirtest.New(t), "server.cfg", line), Server); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestCommentBehindAValue has comments where they would be a part of the value.
func TestCommentBehindAValue(t *testing.T) {
	for _, line := range []string{
		"plugin.file.deny = /srv/secret # x", "plugin.puppet.resource_type_blacklist = exec,user\t# no", "plugin.shell.users = #a",
		"plugin.nrpe.conf_dir = /etc/nrpe.d  # checks", "libdir = /opt/a # ours", "collectives = a,b # c", "identity = n1 # me",
		"plugin.discovery.x.command = # none", "loglevel = info # more", "plugin.nats.credentials = /etc/a #", "classesfile = /a # b", "plugin.file.allow = /srv/c#1 # only this",
	} {
		_, err := Load(write(t, dirtest.New(t), "server.cfg", line), Server)
		if _, known := strings.CutPrefix(line, "plugin.discovery.x"); known {
			if err != nil {
				t.Errorf("%s: %v", line, err) // a setting of another's plugin: nobody knows what it may hold
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "a comment needs a line of its own") {
			t.Errorf("%s: %v", line, err)
		}
	}
	for _, line := range []string{"plugin.psk = a # b", "plugin.nats.password = #1", "plugin.nats.user = a # b", "classesfile = /a#b", "plugin.file.deny = /srv/#1"} {
		if _, err := Load(write(t, dirtest.New(t), "server.cfg", line), Server); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestPluginDirectoryIsNoWayAround writes in plugin.d what the main file must not.
func TestPluginDirectoryIsNoWayAround(t *testing.T) {
	dir := dirtest.New(t)
	main := write(t, dir, "server.cfg", "identity = web1\n")
	write(t, dir, "plugin.d/actionpolicy.cfg", "\n# comment\nenable_default = 1\n")
	write(t, dir, "plugin.d/file.cfg", "alow = /srv\n")
	_, err := Load(main, Server)
	for _, want := range []string{"plugin.d/actionpolicy.cfg:3: plugin.actionpolicy.enable_default = 1", "plugin.d/file.cfg:1: plugin.file.alow"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestPluginDirectoryThatCannotBeRead(t *testing.T) {
	dir := dirtest.New(t)
	main := write(t, dir, "server.cfg", "identity = web1\n")
	write(t, dir, "plugin.d", "no directory\n")
	if _, err := Load(main, Server); err == nil || !strings.Contains(err.Error(), "cannot read the settings of plugins") {
		t.Errorf("got %v", err)
	}
}

// An agent in Ruby has the settings that it likes, though one of ours has its name.
func TestSettingsOfRubyAgents(t *testing.T) {
	load(t, Server, "plugin.nrpe.ruby = 1\nplugin.nrpe.runner = sudo\nplugin.mine.limit = 5\nplugin.puppet.activate_agent = 0\n"+
		"plugin.puppet.resource_name_whitelist.file = /srv")
}

func TestTextOfEditors(t *testing.T) {
	dir := dirtest.New(t)
	main := write(t, dir, "server.cfg", "\xef\xbb\xbfidentity = web1\r\ncollectives = a,b\r\n\r\nlibdir = /a\r\n")
	write(t, dir, "plugin.d/mine.cfg", "\xef\xbb\xbffirst = 1\r\nsecond = 2\r\n")
	c, err := Load(main, Server)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Collectives, []string{"a", "b"}) || c.Identity != "web1" || !slices.Equal(c.LibDirs, []string{"/a"}) {
		t.Errorf("read as %q %q %q", c.Identity, c.Collectives, c.LibDirs)
	}
	if first, second := c.PluginString("mine.first", ""), c.PluginString("mine.second", ""); first != "1" || second != "2" {
		t.Errorf("plugin.d is read as %q %q", first, second)
	}
	if o := c.Origin("libdir"); o.Line != 4 {
		t.Errorf("libdir is at %s", o)
	}
	main = write(t, dirtest.New(t), "server.cfg", "\xff\xfei\x00")
	if _, err := Load(main, Server); err == nil || !strings.Contains(err.Error(), main+": the text is UTF-16") {
		t.Errorf("UTF-16: %v", err)
	}
}

// TestHonouredKeysAreRead holds the program to what it says: the field of every
// key that is honoured, and the name of every such setting of a plugin, is used
// somewhere that does more than show it.
func TestHonouredKeysAreRead(t *testing.T) {
	fields, texts := map[string]bool{}, map[string]bool{}
	root := filepath.Join("..", "..")
	files := map[string][]*ast.File{} // by package
	reads := map[string]bool{}        // packages that know the configuration
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "internal/config" || name == "bench" || name == "interop" || d.Name() == "testdata" || name != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		files[dir] = append(files[dir], f)
		if strings.HasPrefix(name, "internal/cli/") || strings.HasPrefix(name, "internal/operation/") || // they are given the configuration
			slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"mcollective/internal/config"` }) {
			reads[dir] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range reads {
		for _, f := range files[dir] {
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					fields[n.Sel.Name] = true
				case *ast.BasicLit:
					if n.Kind == token.STRING {
						texts[strings.Trim(n.Value, "\"`")] = true
					}
				}
				return true
			})
		}
	}
	c := defaults(Server)
	for name, r := range rows {
		if r.fate() != "honoured" {
			continue
		}
		if r.field != nil {
			if field := fieldOf(c, r.field(c)); !fields[field] {
				t.Errorf("%s is said to be honoured, and nothing reads %s", name, field)
			}
			continue
		}
		name = strings.TrimPrefix(name, "plugin.")
		plugin, rest, _ := strings.Cut(name, ".")
		rest = strings.TrimPrefix(rest, "pool.N.")
		if !texts[name] && !texts[rest] && !texts[plugin+"."+rest] && !texts[strings.TrimSuffix(name, "TYPE")] && !texts["."+rest] {
			t.Errorf("plugin.%s is said to be honoured, and nothing reads it", name)
		}
	}
}

// fieldOf is the name of the field at an address.
func fieldOf(c *Config, field any) string {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if v.Field(i).CanAddr() && v.Field(i).Addr().Pointer() == reflect.ValueOf(field).Pointer() {
			return v.Type().Field(i).Name
		}
	}
	return ""
}

// TestBoundsOfNumbers sets each key that is a number or a time to what makes no sense, and to what does.
func TestBoundsOfNumbers(t *testing.T) {
	// Zero has a meaning for these, which the page states.
	zero := []string{
		"keeplogs", "direct_addressing_threshold", "discovery_timeout", "connection_timeout", "default_batch_size", "default_batch_sleep_time",
		"registerinterval", "soft_shutdown_timeout", "max_ttl", "max_skew", "workers", "queue_size",
		"plugin.activemq.connect_timeout", "plugin.activemq.heartbeat_interval", "plugin.activemq.initial_reconnect_delay",
		"plugin.activemq.max_hbread_fails", "plugin.activemq.max_reconnect_attempts", "plugin.activemq.max_reconnect_delay",
		"plugin.activemq.priority",
	}
	var numbers []string
	c := defaults(Server)
	for _, r := range keys {
		switch r.field(c).(type) {
		case *int, *int64, *time.Duration:
			numbers = append(numbers, r.name)
		}
	}
	for name, r := range rows {
		// What takes a number, but neither a name nor a truth value.
		if r.field == nil && r.check != nil && r.ignored == "" && r.check("7") == nil && r.check("x") != nil {
			numbers = append(numbers, strings.ReplaceAll(name, "N", "1"))
		}
	}
	if len(numbers) < 25 {
		t.Fatalf("found %q only", numbers)
	}
	takes := func(name, text string) error {
		_, err := Load(write(t, dirtest.New(t), "server.cfg", name+" = "+text), Client)
		return err
	}
	for _, name := range numbers {
		for _, text := range []string{"-1", "1s", "1 000", "1e300", "99999999999999999999", "4000000000000000000", "nan", "inf", "0x", "½", "1,5"} {
			err := takes(name, text)
			if err == nil || !strings.Contains(err.Error(), "server.cfg:1: "+name+" = "+text+": ") {
				t.Errorf("%s = %s: %v", name, text, err)
			}
		}
		if err := takes(name, "0"); (err == nil) != slices.Contains(zero, name) {
			t.Errorf("%s = 0: %v", name, err)
		}
		if err := takes(name, "1000"); err != nil && name != "plugin.activemq.priority" {
			t.Errorf("%s = 1000: %v", name, err)
		}
	}
}
