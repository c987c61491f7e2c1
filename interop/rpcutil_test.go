package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// testRPCUtil has Ruby's commands ask rpcutil of Ruby's nodes and ours side by
// side, each node by its name and all by a broadcast.
func (c *collective) testRPCUtil(t *testing.T) {
	direct := rubyClient{c, c.home}
	broadcast := rubyClient{c, strings.TrimSpace(c.must([]string{"DIRECT_ADDRESSING=0"}, "./ruby-mco.sh", "config"))}
	for way, r := range map[string]rubyClient{"direct": direct, "broadcast": broadcast} {
		for name, test := range map[string]func(*testing.T){
			"find": r.find, "inventory": r.inventory, "stats": r.stats, "agents": r.agents, "facts": r.facts,
			"inventory command": r.inventoryCommand, "secrets": r.secrets,
		} {
			t.Run(way+" "+name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	}
	t.Run("requests", c.compareRequests)
}

// A rubyClient is the real mco with the configuration in home.
type rubyClient struct {
	*collective
	home string
}

// mco gives the standard output of a command.
func (r rubyClient) mco(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.run("mco", args...)
	if err != nil {
		t.Errorf("mco %q: %v", args, err)
	}
	return out
}

func (r rubyClient) run(program string, args ...string) (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(slices.Clone(r.env), "HOME="+r.home, "RUBYOPT=-r"+here+"/compat.rb")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w\n%s%s", err, out.String(), errs.String())
	}
	return out.String(), nil
}

// An answer is one node's part of mco rpc -j.
type answer struct {
	Code int            `json:"statuscode"`
	Text string         `json:"statusmsg"`
	Data map[string]any `json:"data"`
	Raw  json.RawMessage
}

// rpc asks all four nodes, which all have to answer, once.
func (r rubyClient) rpc(t *testing.T, action string, inputs ...string) map[string]answer {
	t.Helper()
	args := append([]string{"rpc", "rpcutil", action, "-j"}, inputs...)
	var list []struct {
		Sender string
		answer
		Data json.RawMessage `json:"data"`
	}
	if out := r.mco(t, args...); json.Unmarshal([]byte(out), &list) != nil {
		t.Fatalf("mco %q printed %s", args, out)
	}
	got := map[string]answer{}
	var names []string
	for _, a := range list {
		names = append(names, a.Sender)
		a.answer.Raw = a.Data
		if err := json.Unmarshal(a.Data, &a.answer.Data); err != nil {
			t.Fatalf("%s: %v", a.Sender, err)
		}
		got[a.Sender] = a.answer
	}
	slices.Sort(names)
	if !slices.Equal(names, all) {
		t.Fatalf("mco %q: %v answered, want %v", args, names, all)
	}
	return got
}

func (r rubyClient) find(t *testing.T) {
	if got := identities(r.mco(t, "find")); !slices.Equal(got, all) {
		t.Errorf("mco find printed %v", got)
	}
	now := time.Now().Unix()
	for name, a := range r.rpc(t, "ping") {
		if pong, _ := a.Data["pong"].(float64); a.Code != 0 || a.Text != "OK" || int64(pong) < now-60 || int64(pong) > now+60 {
			t.Errorf("%s: ping answered %+v", name, a)
		}
	}
	got := r.rpc(t, "collective_info")
	if !reflect.DeepEqual(got["g1"], got["r1"]) || !reflect.DeepEqual(got["g2"], got["r2"]) {
		t.Errorf("collective_info: %v", got)
	}
}

// inventory compares nodes with the same facts and classes.
func (r rubyClient) inventory(t *testing.T) {
	got := r.rpc(t, "inventory")
	for _, pair := range [][2]string{{"g1", "r1"}, {"g2", "r2"}} {
		g, r := got[pair[0]], got[pair[1]]
		sameKeys(t, "inventory", g.Raw, r.Raw)
		delete(g.Data["facts"].(map[string]any), "hostname") // is the name of the node
		delete(r.Data["facts"].(map[string]any), "hostname")
		for _, key := range []string{"facts", "classes", "collectives", "main_collective"} {
			if !reflect.DeepEqual(g.Data[key], r.Data[key]) {
				t.Errorf("%s has %s %v, %s has %v", pair[0], key, g.Data[key], pair[1], r.Data[key])
			}
		}
		for _, key := range []string{"agents", "data_plugins"} {
			if _, ok := g.Data[key].([]any); !ok {
				t.Errorf("%s has %s %v", pair[0], key, g.Data[key])
			}
		}
	}
}

func (r rubyClient) stats(t *testing.T) {
	got := r.rpc(t, "daemon_stats")
	g, ruby := got["g1"], got["r1"]
	sameKeys(t, "daemon_stats", g.Raw, ruby.Raw)
	for key, theirs := range ruby.Data {
		if ours := g.Data[key]; reflect.TypeOf(ours) != reflect.TypeOf(theirs) {
			t.Errorf("%s is %v, Ruby has %v", key, ours, theirs)
		}
	}
	for key := range ruby.Data["times"].(map[string]any) {
		if _, ok := g.Data["times"].(map[string]any)[key].(float64); !ok {
			t.Errorf("times are %v, Ruby has %v", g.Data["times"], ruby.Data["times"])
		}
	}
	if pid := r.nodes["g1"].Process.Pid; g.Data["pid"] != float64(pid) {
		t.Errorf("pid is %v, not %d", g.Data["pid"], pid)
	}
}

// agents compares what both know of an agent that both have.
func (r rubyClient) agents(t *testing.T) {
	got := r.rpc(t, "agent_inventory")
	of := func(node, agent string) map[string]any {
		for _, a := range got[node].Data["agents"].([]any) {
			if m := a.(map[string]any); m["agent"] == agent {
				return m
			}
		}
		t.Fatalf("%s has no agent %s", node, agent)
		return nil
	}
	for _, agent := range []string{"discovery", "rpcutil"} {
		g, ruby := of("g1", agent), of("r1", agent)
		for key := range ruby {
			if reflect.TypeOf(g[key]) != reflect.TypeOf(ruby[key]) {
				t.Errorf("%s of %s is %v, Ruby has %v", key, agent, g[key], ruby[key])
			}
		}
		for _, key := range []string{"name", "description", "timeout"} {
			if g[key] != ruby[key] {
				t.Errorf("%s of %s is %v, Ruby has %v", key, agent, g[key], ruby[key])
			}
		}
	}
}

func (r rubyClient) facts(t *testing.T) {
	out := r.mco(t, "facts", "country")
	for _, want := range []string{"de                                       found 2 times", "fr                                       found 2 times", "4 / 4 hosts"} {
		if !strings.Contains(out, want) {
			t.Errorf("mco facts country printed\n%s", out)
		}
	}
	for _, fact := range []string{"os", "interfaces", "empty", "description", "nosuch", "os.family"} {
		got := r.rpc(t, "get_fact", "fact="+fact)
		if !reflect.DeepEqual(got["g1"].Data, got["r1"].Data) || !reflect.DeepEqual(got["g2"].Data, got["r2"].Data) {
			t.Errorf("fact %s: %v", fact, got)
		}
	}
	got := r.rpc(t, "get_facts", "facts=country, cpus,nosuch")
	if !reflect.DeepEqual(got["g1"].Data, got["r1"].Data) || !reflect.DeepEqual(got["g2"].Data, got["r2"].Data) {
		t.Errorf("get_facts: %v", got)
	}
}

// inventoryCommand compares the report on a node of each kind, which indexes
// what rpcutil answers in depth, line by line.
func (r rubyClient) inventoryCommand(t *testing.T) {
	report := func(node string) []string {
		out := r.mco(t, "inventory", node)
		var lines []string
		for line := range strings.Lines(strings.ReplaceAll(out, node, "NODE")) {
			name, _, isPair := strings.Cut(line, ": ")
			switch strings.TrimSpace(name) {
			case "Version", "Start Time", "Process ID", "Total Messages", "Messages Passed Filters", "Messages Filtered", "Expired Messages",
				"Replies Sent", "Total Processor Time", "System Time":
				line = name // the values differ from node to node
			}
			if isPair || strings.Contains(line, "=>") || strings.Contains(line, "::") {
				lines = append(lines, strings.TrimRight(line, "\n"))
			}
		}
		return lines
	}
	ours, theirs := report("g2"), report("r2")
	if !slices.Equal(ours, theirs) || len(theirs) < 25 {
		t.Errorf("mco inventory of ours:\n%s\n\nof Ruby's:\n%s", strings.Join(ours, "\n"), strings.Join(theirs, "\n"))
	}
}

// secrets makes sure that our nodes keep what Ruby's give to anybody.
func (r rubyClient) secrets(t *testing.T) {
	out, err := r.run("mco", "rpc", "rpcutil", "get_config_item", "item=pluginconf", "-j", "-I", "g1", "-I", "g2")
	if strings.Contains(out, "interop-test-psk") || strings.Count(out, "Unknown config property pluginconf") != 2 {
		t.Errorf("pluginconf: %s, %v", out, err)
	}
}

// sameKeys compares the keys of two objects, and their order. Behind them ours may
// say which agents are of no use, and why.
func sameKeys(t *testing.T, what string, ours, theirs json.RawMessage) {
	t.Helper()
	o, r := keysOf(ours), keysOf(theirs)
	if n := len(o) - 1; n >= 0 && o[n] == "inactive_agents" {
		o = o[:n]
	}
	if !slices.Equal(o, r) {
		t.Errorf("%s has the keys %v, Ruby's has %v", what, o, r)
	}
}

// keysOf are the outermost keys of an object in their order.
func keysOf(object json.RawMessage) []string {
	d := json.NewDecoder(bytes.NewReader(object))
	var keys []string
	d.Token() // the brace
	for d.More() {
		key, _ := d.Token()
		var value json.RawMessage
		if d.Decode(&value) != nil {
			break
		}
		keys = append(keys, fmt.Sprint(key))
	}
	return keys
}

// differ are the requests that our nodes deliberately answer in another way
// than Ruby's. A key that is there as a symbol and as a string could mean one
// thing to who authorizes and another to who acts, so that such a request is not
// one. And an action's name may be a symbol as an input's may be a string, since
// only some serializers know the difference.
var differ = map[string]string{
	"input under both keys":           "nothing",
	"empty input under the symbol":    "nothing",
	"data under both keys":            "nothing",
	"action under both keys":          "nothing",
	"process_results under both keys": "nothing",
	"action symbol":                   `{:statuscode=>0, :statusmsg=>"OK", :data=>{:fact=>"country", :value=>"de"}}`,
}

// compareRequests compares what both kinds of node answer to requests of all
// sorts, to the last symbol.
func (c *collective) compareRequests(t *testing.T) {
	t.Parallel()
	ours, theirs := map[string]string{}, map[string]string{}
	c.request(t, ours, theirs)
	if len(theirs) < 110 || len(theirs) != len(ours) {
		t.Errorf("%d answers of Ruby's node, %d of ours", len(theirs), len(ours))
	}
	want := func(name string) string {
		if other, ok := differ[name]; ok {
			return other
		}
		if name == "item identity" {
			return strings.ReplaceAll(theirs[name], "r1", "g1")
		}
		return theirs[name]
	}
	// Ruby's client gives up on an answer that comes late, which on a machine
	// with much to do is no difference between nodes.
	var late []string
	for name := range theirs {
		if got := ours[name]; got != want(name) && (got == "nothing" || want(name) == "nothing") {
			late = append(late, name)
		}
	}
	if len(late) > 0 {
		t.Logf("asked again: %v", late)
		c.request(t, ours, theirs, late...)
	}
	for name, text := range theirs {
		if ours[name] != want(name) {
			t.Errorf("%s: %s\nwant %s", name, ours[name], want(name))
		}
		if other, ok := differ[name]; ok && text == other {
			t.Errorf("%s: Ruby answers as we do; this is no difference", name)
		}
	}
}

// request sends the named requests, or all, to a node of each kind at the same
// time and puts in what they answered.
func (c *collective) request(t *testing.T, ours, theirs map[string]string, names ...string) {
	t.Helper()
	r := rubyClient{c, c.home}
	var group sync.WaitGroup
	for node, answers := range map[string]map[string]string{"g1": ours, "r1": theirs} {
		group.Go(func() {
			out, err := r.run("ruby", append([]string{"rpcutil.rb", filepath.Join(c.home, ".mcollective"), "3", node}, names...)...)
			if err != nil {
				t.Error(err)
			}
			for line := range strings.Lines(strings.ReplaceAll(out, "/nodes/"+node, "/nodes/NODE")) {
				name, text, _ := strings.Cut(strings.TrimSpace(line), ": ")
				answers[name] = text
			}
		})
	}
	group.Wait()
}
