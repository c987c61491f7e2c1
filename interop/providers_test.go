package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// providers are each provider with each serializer. Each pair has a collective of its
// own, by its name, in which what both clients do must work with both kinds of node.
var providers = []struct{ name, security, serializer string }{
	{"psk", "psk", "marshal"},
	{"ssl_marshal", "ssl", "marshal"},
	{"ssl_yaml", "ssl", "yaml"},
	{"aes_marshal", "aes_security", "marshal"},
	{"aes_yaml", "aes_security", "yaml"},
}

// testProviders goes through them over the broker of a collective.
func (c *collective) testProviders(t *testing.T) {
	for _, p := range providers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			c.testProvider(t, p.name, p.security, p.serializer)
		})
	}
}

// A deed is a command line of both clients, and what its output shows.
type deed struct {
	name  string
	args  []string
	check func(out string) error
}

var deeds = []deed{
	{"ping", []string{"ping", "-t", "3"}, names("g1", "r1")},
	{"find by broadcast", []string{"find", "--dt", "3", "-F", "country=de"}, names("g1", "r1")},
	{"find by expression", []string{"find", "--dt", "3", "-S", "country=de and /role::/ and not cpus>4"}, names("g1", "r1")},
	{"inventory of Ruby's node", []string{"inventory", "r1"}, holds("rpcutil", "country => de")},
	{"inventory of ours", []string{"inventory", "g1"}, holds("rpcutil", "country => de")},
	{"rpc", []string{"rpc", "rpcutil", "get_fact", "fact=description", "--dt", "3", "-j"}, answers("value", "Grüße from the node", "g1", "r1")},
	{"direct", []string{"rpc", "rpcutil", "get_fact", "fact=hostname", "-I", "g1", "-I", "r1", "-j"}, answers("fact", "hostname", "g1", "r1")},
	{"direct to one", []string{"rpc", "rpcutil", "get_fact", "fact=hostname", "-I", "r1", "-j"}, answers("value", "r1", "r1")},
	{"batch", []string{"rpc", "rpcutil", "get_fact", "fact=cpus", "--dt", "3", "--batch", "1", "--batch-sleep", "0.1", "-j"}, answers("value", "4", "g1", "r1")},
}

func names(want ...string) func(string) error {
	return func(out string) error {
		if got := identities(out); !slices.Equal(got, want) {
			return fmt.Errorf("printed %v, want %v", got, want)
		}
		return nil
	}
}

func holds(want ...string) func(string) error {
	return func(out string) error {
		for _, w := range want {
			if !strings.Contains(out, w) {
				return fmt.Errorf("printed nothing of %q:\n%s", w, out)
			}
		}
		return nil
	}
}

// answers wants one successful reply of each node, with a value.
func answers(key, value string, nodes ...string) func(string) error {
	return func(out string) error {
		var replies []struct {
			Sender string         `json:"sender"`
			Status int            `json:"statuscode"`
			Data   map[string]any `json:"data"`
		}
		if i := strings.Index(out, "["); i > 0 {
			out = out[i:]
		}
		if err := json.Unmarshal([]byte(out), &replies); err != nil {
			return fmt.Errorf("%w in:\n%s", err, out)
		}
		var got []string
		for _, r := range replies {
			if got = append(got, r.Sender); r.Status != 0 || fmt.Sprint(r.Data[key]) != value {
				return fmt.Errorf("%s: status %d, %s is %v, want %s", r.Sender, r.Status, key, r.Data[key], value)
			}
		}
		if slices.Sort(got); !slices.Equal(got, nodes) {
			return fmt.Errorf("answers of %v, want %v", got, nodes)
		}
		return nil
	}
}

func (c *collective) testProvider(t *testing.T, name, security, serializer string) {
	c = c.beside(t, name, "SECURITY="+security, "SERIALIZER="+serializer)
	c.rubyNode("r1", nil)
	c.ourNode("g1", []string{"CLASSES=common role::web r1"})
	c.await("g1", "r1")
	clients := []string{"ruby", "ours"}
	var all sync.WaitGroup
	for _, client := range clients {
		all.Go(func() {
			for _, d := range deeds {
				out, err := c.run(client, d.args...)
				if err == nil {
					err = d.check(out)
				}
				if err != nil {
					t.Errorf("%s client, %s: %v", client, d.name, err)
				}
			}
		})
	}
	all.Wait()

	if security == "psk" {
		return
	}
	// Without their key, both kinds of node pass over what either client says.
	if err := os.Remove(filepath.Join(c.directory(), "keys", "clients", "tester.pem")); err != nil {
		t.Fatal(err)
	}
	for _, client := range clients {
		if out, err := c.run(client, "ping", "-t", "2"); err != nil || len(identities(out)) != 0 {
			t.Errorf("%s client without a key that the nodes know: %v\n%s", client, err, out)
		}
	}
}

// run runs a command of one of the clients and gives its output. A command that finds
// nothing is not an error.
func (c *collective) run(client string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	program, env := mco, append(slices.Clone(c.env), "HOME="+c.home)
	if client == "ruby" {
		here, err := os.Getwd()
		if err != nil {
			return "", err
		}
		program, env = "mco", append(env, "RUBYOPT=-r"+here+"/compat.rb")
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) && errs.Len() == 0 {
		err = nil
	}
	if err != nil {
		return "", fmt.Errorf("%s %q: %w\n%s%s", program, args, err, out.String(), errs.String())
	}
	return out.String(), nil
}
