package agenthost

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/ddl"
	"mcollective/internal/agenthost/adapter"
	"mcollective/rpc"
)

const greetYAML = "agent: x\nprotocol: mcollective\ncommand: x.cmd\nactions:\n  go:\n    output:\n      a: {}\n      b: {default: dflt}\n"

func TestMCollective(t *testing.T) {
	for name, test := range map[string]struct {
		script  string
		status  rpc.Status
		message string
		data    string
	}{
		"answers": {`cp "$MCOLLECTIVE_REQUEST_FILE" "$MCOLLECTIVE_REPLY_FILE"`, 0, "OK",
			`{"a":null,"action":"go","agent":"x","b":"dflt","callerid":"uid=7","data":{"n":1,"process_results":true},"sender":"client.example","uniqid":"0123456789abcdef0123456789abcdef"}`},
		"arguments": {`[ "$1" = "$MCOLLECTIVE_REQUEST_FILE" ] && [ "$2" = "$MCOLLECTIVE_REPLY_FILE" ] && [ "$LC_ALL" = C ] && [ -f "$2" ] && [ ! -s "$2" ] && echo '{"a":1}' > "$2"`, 0, "OK", `{"a":1,"b":"dflt"}`},
		"empty":     {`cat`, 0, "OK", `{"a":null,"b":"dflt"}`},
		"invalid":   {`echo '{' > "$2"`, 0, "OK", `{"a":null,"b":"dflt"}`},
		"no object": {`echo '[1]' > "$2"`, 0, "OK", `{"a":null,"b":"dflt"}`},
		"removed":   {`rm "$2"`, 0, "OK", `{"a":null,"b":"dflt"}`},
		"pipe":      {`rm "$2"; mkfifo "$2"`, 0, "OK", `{"a":null,"b":"dflt"}`},
		"huge":      {`head -c 2000000 /dev/zero > "$2"`, 0, "OK", `{"a":null,"b":"dflt"}`},
		"fails":     {`echo '{"a":2,"mco":{"statuscode":0}}' > "$2"; echo bad luck >&2; exit 3`, 3, "Failed to run PROGRAM: bad luck", `{"a":2,"b":"dflt","mco":{"statuscode":0}}`},
		"large":     {`exit 77`, 77, "Failed to run PROGRAM: ", `{"a":null,"b":"dflt"}`},
		"killed":    {`kill -9 $$`, 1, "Unexpected failure calling PROGRAM: it was ended by a signal: killed", `{"a":null,"b":"dflt"}`},
		"directory": {`[ "$PWD" = "${2%/*}" ] && [ "$(ls -A)" = "$(printf 'reply.json\nrequest.json')" ] && echo '{"a":1}' > "$2"`, 0, "OK", `{"a":1,"b":"dflt"}`},
		"logs":      {`echo to the log; echo and this >&2`, 0, "OK", `{"a":null,"b":"dflt"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logBuffer
			dir := directory(t, map[string]string{"x/x.cmd": "#!/bin/sh\n" + test.script, "x.cmd": "#!/bin/sh\nexit 99", "x.yaml": greetYAML})
			r := call(context.Background(), open(t, filepath.Join(dir, "x.yaml"), Options{Log: logger(&log)}), "go", sym("n"), int64(1))
			want := strings.ReplaceAll(test.message, "PROGRAM", filepath.Join(dir, "x", "x.cmd"))
			if r.Status != test.status || r.Message != want || data(r) != test.data {
				t.Errorf("%d %s %s", r.Status, r.Message, data(r))
			}
			if name == "logs" && (!strings.Contains(log.String(), `level=INFO msg="to the log"`) || !strings.Contains(log.String(), `level=ERROR msg="and this"`)) {
				t.Error(log.String())
			}
		})
	}
	dir := directory(t, map[string]string{"x/x.cmd": "#!/no/such\n", "x.yaml": greetYAML})
	r := call(t.Context(), open(t, filepath.Join(dir, "x.yaml"), Options{}), "go")
	if r.Status != 1 || !strings.HasPrefix(r.Message, "Unexpected failure calling ") {
		t.Errorf("%d %s", r.Status, r.Message)
	}
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), "mco-x-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

const choriaJSON = `{"$schema": "https://choria.io/schemas/mcorpc/ddl/v1/agent.json",
 "metadata": {"name": "hi", "description": "Says hello", "author": "A", "license": "L", "version": "1.0.0", "url": "u", "timeout": 7, "provider": "external"},
 "actions": [{"action": "ping", "display": "ok", "description": "Pings", "input":
   {"msg": {"prompt": "Message", "description": "What", "type": "string", "optional": true, "validation": "^\\w+$", "maxlength": 20, "default": "hello"},
    "n": {"prompt": "N", "description": "N", "type": "integer", "optional": false}},
   "output": {"result": {"description": "R", "display_as": "Result", "type": "string", "default": "none"}}, "aggregate": []}]}`

func TestChoria(t *testing.T) {
	script := `#!/bin/sh
[ "$1 $2 $3" = "$CHORIA_EXTERNAL_REQUEST $CHORIA_EXTERNAL_REPLY $CHORIA_EXTERNAL_PROTOCOL" ] || exit 9
echo "$CHORIA_EXTERNAL_CONFIG" >&2
[ "$PWD" = "${2%/*}" ] || exit 7
grep -q '"os":"CentOS"' "$CHORIA_EXTERNAL_FACTS" || exit 8
case "$3" in
  io.choria.mcorpc.external.v1.activation_request) grep -q '"protocol":"'$3'","agent":"hi"}' "$1" && echo '{"activate": true}' > "$2" ;;
  io.choria.mcorpc.external.v1.rpc_request)
    case "$(cat "$1")" in
      *'"n":1'*) echo "{\"statuscode\": 0, \"statusmsg\": \"OK\", \"data\": {\"result\": $(cat "$1")}}" > "$2" ;;
      *'"n":2'*) echo '{"statuscode": 4, "statusmsg": "bad n", "data": {"result": "x"}}' > "$2" ;;
      *'"n":3'*) : ;;
      *'"n":4'*) echo nonsense > "$2" ;;
      *'"n":5'*) echo oops >&2; exit 1 ;;
    esac ;;
esac
`
	dir := directory(t, map[string]string{"hi": script, "hi.json": choriaJSON})
	var log logBuffer
	a := open(t, filepath.Join(dir, "hi"), Options{Config: "/etc/choria/server.conf", Log: logger(&log),
		Facts: func() map[string]any { return map[string]any{"os": "CentOS"} }})
	if a.Info().Protocol != adapter.Choria {
		t.Error(a.Info())
	}
	if err := a.Active(t.Context()); err != nil {
		t.Error(err)
	}
	for n, want := range []string{1: `0 OK {"result":{"$schema":"https://choria.io/schemas/mcorpc/external/v1/rpc_request.json","action":"ping","agent":"hi",` +
		`"callerid":"uid=7","collective":"mcollective","data":{"n":1,"process_results":true},"msgtime":1700000000,` +
		`"protocol":"io.choria.mcorpc.external.v1.rpc_request","requestid":"0123456789abcdef0123456789abcdef","senderid":"client.example","ttl":60}}`,
		2: `4 bad n {"result":"x"}`,
		3: `1 external agent hi did not answer: its reply file is empty, want JSON {"result":"none"}`,
		4: `1 external agent hi did not answer: its reply file is not valid JSON: invalid character 'o' in literal null (expecting 'u'), at byte 2 {"result":"none"}`,
		5: `1 external agent hi failed: /etc/choria/plugin.d/hi` + "\n" + `oops {"result":"none"}`} {
		if n == 0 {
			continue
		}
		r := call(t.Context(), a, "ping", sym("n"), int64(n))
		if got := strings.TrimSpace(string(rune('0'+int(r.Status)))+" "+r.Message) + " " + data(r); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	d := a.Definition()
	ping := d.Action("ping")
	if d.Metadata.Description != "Says hello" || d.Metadata.Timeout != 7*time.Second || ping == nil || ping.Display != ddl.DisplayOK {
		t.Fatalf("%+v", d)
	}
	msg, n := ping.Input("msg"), ping.Input("n")
	if msg == nil || !msg.Optional || msg.MaxLength != 20 || msg.Default != "hello" || msg.Validation.Regexp != `^\w+$` || n == nil || n.Optional || n.Type != ddl.Integer {
		t.Errorf("%+v %+v", msg, n)
	}
	put(t, filepath.Join(dir, "hi"), "#!/bin/sh\necho '{\"activate\": false}' > \"$2\"")
	if err := a.Active(t.Context()); err == nil || err.Error() != "it says that it cannot work here" {
		t.Error(err)
	}
}

func TestBolt(t *testing.T) {
	dir := directory(t, map[string]string{
		"disk.sh": `#!/bin/sh
in=$(cat)
case "$PT_mode" in
  both) echo "{\"in\": $in, \"size\": \"$PT_size\", \"list\": \"$(echo "$PT_list" | tr '"' "'")\", \"task\": \"$PT__task\"}" ;;
  text) echo "some text" ;;
  error) echo '{"_error": {"msg": "no such disk", "kind": "disk/missing", "details": {}}, "x": 1}'; exit 1 ;;
  fail) echo why >&2; exit 3 ;;
  noop) echo "{\"noop\": $PT__noop}" ;;
esac`,
		"disk.json": `{"description": "Looks at disks", "puppet_task_version": 1, "supports_noop": true, "parameters": {
			"mode": {"type": "Enum[both, text, 'error', fail, noop]", "description": "How"},
			"size": {"type": "Optional[Integer[1]]"}, "list": {"type": "Optional[Array[String]]"},
			"name": {"type": "String[1, 10]", "default": "sda"}, "secret": {"type": "Sensitive[String]", "default": "x"}}}`,
		"env.sh":   "#!/bin/sh\necho \"{\\\"stdin\\\": \\\"$(cat)\\\", \\\"a\\\": \\\"$PT_a\\\"}\"",
		"env.json": `{"input_method": "environment", "parameters": {}}`,
	})
	a := open(t, filepath.Join(dir, "disk.sh"), Options{})
	in := a.Definition().Action("run").Inputs
	var got []string
	for _, i := range in {
		got = append(got, i.Name+" "+string(i.Type))
		if i.Optional != (i.Name != "mode") || i.Sensitive != (i.Name == "secret") {
			t.Errorf("%+v", i)
		}
	}
	if diff := cmp.Diff([]string{"list array", "mode list", "name string", "noop boolean", "secret string", "size integer"}, got); diff != "" {
		t.Error(diff)
	}
	for mode, want := range map[string]string{
		"both": `0 OK {"in":{"_installdir":"` + dir + `","_task":"disk","list":["a",1],"mode":"both","name":"sda","secret":"x","size":5},"list":"['a',1]","size":"5","task":"disk"}`,
		"text": `0 OK {"_output":"some text"}`, "error": `1 no such disk {"_error":{"details":{},"kind":"disk/missing","msg":"no such disk"},"x":1}`,
		"fail": `1 the task failed with exit status 3: why {"_output":""}`,
	} {
		t.Run(mode, func(t *testing.T) {
			r := call(t.Context(), a, "run", sym("mode"), mode, sym("size"), int64(5), sym("list"), []any{"a", int64(1)})
			if got := string(rune('0'+int(r.Status))) + " " + r.Message + " " + data(r); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
	if r := call(t.Context(), a, "run", sym("mode"), "noop", sym("noop"), true); data(r) != `{"noop":true}` {
		t.Errorf("%s %s", r.Message, data(r))
	}
	env := open(t, filepath.Join(dir, "env.sh"), Options{})
	if r := call(t.Context(), env, "run", sym("a"), "1"); data(r) != `{"a":"1","stdin":""}` {
		t.Errorf("%s %s", r.Message, data(r))
	}
	if r := call(t.Context(), env, "run", sym("noop"), true); r.Status != rpc.Aborted || !strings.Contains(r.Message, "does not know noop") {
		t.Errorf("%d %s", r.Status, r.Message)
	}
}

func TestNagios(t *testing.T) {
	dir := directory(t, map[string]string{
		"load.sh":   "#!/bin/sh\necho \"LOAD $* | load1=0.5;5;10;0; 'a b'=90%;~:80;@90;;100\"\necho 'long text | x=1s'\necho 'y=2'\nexit $MCO_EXIT",
		"load.yaml": "agent: load\nprotocol: nagios\nargs: [-r]\nenv: {MCO_EXIT: 0}\n",
		"warn.yaml": "agent: warn\nprotocol: nagios\ncommand: load.sh\nenv: {MCO_EXIT: 1}\nactions:\n  check:\n    input:\n      warning: {type: integer}\n      c: {type: string}\n      all: {type: boolean}\n",
		"odd.yaml":  "agent: odd\nprotocol: nagios\ncommand: load.sh\nenv: {MCO_EXIT: 7}\n",
		"load":      "",
	})
	r := call(t.Context(), open(t, filepath.Join(dir, "load.yaml"), Options{}), "check", sym("args"), "-w '1 2'")
	want := `{"exitcode":0,"metrics":[{"crit":10,"label":"load1","min":0,"value":0.5,"warn":5},{"crit":"@90","label":"a b","max":100,"unit":"%","value":90,"warn":"~:80"},` +
		`{"label":"x","unit":"s","value":1},{"label":"y","value":2}],"output":"LOAD -r -w 1 2\nlong text","perfdata":"load1=0.5;5;10;0; 'a b'=90%;~:80;@90;;100  x=1s y=2"}`
	if r.Status != 0 || r.Message != "OK" || data(r) != want {
		t.Errorf("%d %s %s", r.Status, r.Message, data(r))
	}
	r = call(t.Context(), open(t, filepath.Join(dir, "warn.yaml"), Options{}), "check", sym("warning"), int64(5), sym("c"), "-x y", sym("all"), true)
	if r.Status != 1 || r.Message != "WARNING" || !strings.Contains(data(r), `"output":"LOAD --warning=5 -c-x y --all`) {
		t.Errorf("%d %s %s", r.Status, r.Message, data(r))
	}
	if r = call(t.Context(), open(t, filepath.Join(dir, "odd.yaml"), Options{}), "check"); r.Status != 5 || r.Message != "agent odd ended with exit status 7" {
		t.Errorf("%d %s", r.Status, r.Message)
	}
	const real = "/usr/lib/nagios/plugins/check_load"
	if _, err := os.Stat(real); err != nil {
		t.Skip("no monitoring-plugins here")
	}
	put(t, filepath.Join(dir, "real.yaml"), "agent: real\nprotocol: nagios\ncommand: "+real+"\nargs: [-w, '900,900,900', -c, '999,999,999']\n")
	r = call(t.Context(), open(t, filepath.Join(dir, "real.yaml"), Options{}), "check")
	if r.Status != 0 || !strings.Contains(data(r), `"label":"load15"`) {
		t.Errorf("%d %s %s", r.Status, r.Message, data(r))
	}
}

// TestRubyDDL has a program with the definition of a Ruby agent, and the same with
// a descriptor that only says how it is run.
func TestRubyDDL(t *testing.T) {
	const definition = `metadata :name => "x", :description => "X", :author => "A", :license => "L", :version => "1", :url => "u", :timeout => 7
action "echo", :description => "Echoes" do
  input :msg, :prompt => "M", :description => "M", :type => :string, :validation => '^\w+$', :optional => false, :maxlength => 9
  output :msg, :description => "M", :display_as => "M", :default => "none"
end`
	dir := directory(t, map[string]string{"x": "#!/bin/sh\necho \"msg=$MCO_ARG_msg\"", "x.ddl": definition})
	a := open(t, filepath.Join(dir, "x"), Options{})
	if r := call(t.Context(), a, "echo", sym("msg"), "hi"); r.Status != 0 || data(r) != `{"msg":"hi"}` {
		t.Errorf("%d %s %s", r.Status, r.Message, data(r))
	}
	if d := a.Definition(); d.Metadata.Timeout != 7*time.Second || d.Action("echo").Input("msg").MaxLength != 9 {
		t.Errorf("%+v", d)
	}
	put(t, filepath.Join(dir, "x.yaml"), "agent: x\nprotocol: mcollective\ncommand: y\n")
	put(t, filepath.Join(dir, "y"), "#!/bin/sh\necho '{\"msg\": \"from y\"}' > \"$2\"")
	a = open(t, filepath.Join(dir, "x.yaml"), Options{})
	if r := call(t.Context(), a, "echo", sym("msg"), "hi"); r.Status != 0 || data(r) != `{"msg":"from y"}` {
		t.Errorf("%d %s %s", r.Status, r.Message, data(r))
	}
}
