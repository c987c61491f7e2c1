package puppet

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"mcollective/agent"
	"mcollective/internal/run"
	"mcollective/rpc"
	"mcollective/value"
)

// Resources say which resources callers may change. Default: none.
type Resources struct {
	Types   []string // these types may be; nil: none, unless there is NoTypes
	NoTypes []string // all types but these may be
	Managed bool     // even those that Puppet manages itself

	// Names says of a type that only these names may be, or all but these; nil is
	// no limit. Default: any name.
	Names func(kind string) (only, but []string)
}

var (
	typeName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\A[a-z][a-z0-9_]*(::[a-z][a-z0-9_]*)*\z`) })
	property = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\A[a-z][a-z0-9_]*\z`) })
)

func (r Resources) permit(kind, name string) error {
	deny := func(what, list, value string) error {
		return rpc.Errorf(rpc.Aborted, "The %s %s is %s", value, what, list)
	}
	switch {
	case r.Types != nil && r.NoTypes != nil:
		return rpc.Errorf(rpc.Aborted, "You cannot specify both puppet.resource_type_whitelist and puppet.resource_type_blacklist in the config file")
	case r.NoTypes != nil && slices.Contains(r.NoTypes, kind):
		return deny("type", "listed in the type blacklist", kind)
	case r.NoTypes == nil && !slices.Contains(r.Types, kind):
		return deny("type", "not listed in the type whitelist", kind)
	}
	if r.Names == nil {
		return nil
	}
	switch only, but := r.Names(kind); {
	case only != nil && but != nil:
		return rpc.Errorf(rpc.Aborted, "You cannot specify both puppet.resource_name_whitelist.%s and puppet.resource_name_blacklist.%s in the config file", kind, kind)
	case but != nil && slices.Contains(but, name):
		return deny("name", "listed in the name blacklist", name)
	case only != nil && !slices.Contains(only, name):
		return deny("name", "not listed in the name whitelist", name)
	}
	return nil
}

// resource brings one resource to the state that the inputs say: those besides
// type and name are its properties.
func (a *Agent) resource(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	kind, _ := req.String("type")
	kind = strings.ToLower(kind)
	name, _ := req.String("name")
	if !typeName().MatchString(kind) {
		return rpc.Errorf(rpc.InvalidData, "%q is not a type of resources", kind)
	}
	if strings.HasPrefix(name, "-") || strings.ContainsAny(name, "\x00\n") {
		return rpc.Errorf(rpc.InvalidData, "%q is not a name of a resource", name)
	}
	if err := a.opts.ResourcePolicy.permit(kind, name); err != nil {
		return err
	}
	title := strings.ToUpper(kind[:1]) + kind[1:] + "[" + name + "]"
	if !a.opts.ResourcePolicy.Managed {
		n, err := a.opts.node(ctx)
		if err != nil {
			return err
		}
		managed, err := n.manages(title)
		if err != nil {
			return err
		}
		if managed {
			return rpc.Errorf(rpc.Aborted, "Puppet is managing the resource '%s', refusing to create conflicting states", title)
		}
	}
	start, _ := a.opts.parts()
	words := append(a.opts.withConfig(append(start, "resource", "--color=false")), kind, name)
	for key, value := range req.Data.All() {
		name := fmt.Sprint(key) // a string or symbol
		switch name {
		case "type", "name", "process_results":
			continue
		}
		text, err := scalar(value)
		if err != nil || !property().MatchString(name) {
			return rpc.Errorf(rpc.InvalidData, "%q cannot be a property of a resource", name)
		}
		words = append(words, name+"="+text)
	}
	r, err := a.opts.launch(ctx, run.Command{Path: words[0], Args: words[1:], Background: true, Protected: true, For: "agent puppet"})
	if err != nil {
		return err
	}
	return outcome(title, r, reply)
}

// outcome reads what "puppet resource" printed: notices of what it changed,
// errors, and then the resource as it is now.
func outcome(title string, r *run.Result, reply *rpc.Reply) error {
	var lines []string
	changed, failed := false, r.Exit != 0
	for line := range strings.Lines(string(r.Stdout) + string(r.Stderr)) {
		line = strings.TrimSpace(strings.ToValidUTF8(line, "\uFFFD"))
		switch {
		case strings.HasPrefix(line, "Notice: /"):
			changed = true
		case strings.HasPrefix(line, "Error: "):
			failed = true
		case !strings.HasPrefix(line, "Notice: ") && !strings.HasPrefix(line, "Warning: "):
			continue
		}
		lines = append(lines, line)
	}
	if lines == nil {
		lines = []string{"no output produced"}
	}
	result := strings.Join(lines, "\n")
	reply.Set("result", result)
	reply.Set("changed", changed)
	if failed {
		return rpc.Errorf(rpc.Aborted, "Failed to apply %s: %s", title, result)
	}
	return nil
}

// scalar returns the text of a property.
func scalar(property any) (string, error) {
	if text, ok := rpc.Text(property); ok {
		if strings.ContainsRune(text, 0) {
			return "", errors.New("holds a zero byte")
		}
		return text, nil
	}
	switch v := property.(type) {
	case bool, int64, float64:
		return fmt.Sprint(v), nil
	case value.Symbol:
		return string(v), nil
	}
	return "", errors.New("is not one value")
}
