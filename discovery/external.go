package discovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mcollective/filter"
	"mcollective/internal/plainfile"
	"mcollective/internal/run"
	"mcollective/internal/shellwords"
	"mcollective/internal/trust"
)

// What an external command and we call each other: Choria's names, so that the
// commands that people wrote for it work.
const (
	externalRequest = "io.choria.choria.discovery.v1.external_request"
	externalReply   = "io.choria.choria.discovery.v1.external_reply"
	externalSchema  = "https://choria.io/schemas/choria/discovery/v1/external_request.json"
)

// externalTime is how long a command may take that nothing is said of.
const externalTime = 30 * time.Second

// External is the method that has a command of the user find the nodes, in an
// inventory for instance.
//
// The command gets the query as JSON on its standard input, and in the file that
// CHORIA_EXTERNAL_REQUEST names: an object with "protocol", "collective",
// "filter" (with the lists "fact", "cf_class", "agent", "identity" and
// "compound"), "options" and "timeout" in seconds. It answers on its standard
// output with names, one to a line; or with JSON, there or in the file that
// CHORIA_EXTERNAL_REPLY names: an object with "nodes" and "error", or a list as
// mco writes it. The filter is the command's to judge, but for identities, which
// are compared again here.
type External struct {
	Command string            // program and arguments, quoted as for a shell; no shell sees it
	Options map[string]string // handed on to the command
}

// Discover runs the command. It is ended when it takes longer than the timeout of
// the query, 30 s by default, and an exit status other than 0 is an error.
func (m External) Discover(ctx context.Context, q Query) ([]string, error) {
	words, err := shellwords.Split(m.Command)
	if err != nil {
		return nil, fmt.Errorf("the command of the external discovery method: %w", err)
	}
	if len(words) == 0 {
		return nil, errors.New("the external discovery method needs a command; give it with --disc-option")
	}
	if q.Timeout <= 0 {
		q.Timeout = externalTime
	}
	request, err := json.Marshal(m.request(q))
	if err != nil {
		return nil, fmt.Errorf("the external discovery method: %w", err)
	}
	answer, err := consult(ctx, words, request, q.Timeout)
	if err != nil {
		return nil, fmt.Errorf("discovery by %s: %w", filepath.Base(words[0]), err)
	}
	names, err := externalNames(answer)
	if err != nil {
		return nil, fmt.Errorf("discovery by %s: %w", filepath.Base(words[0]), err)
	}
	return local(names, Query{Filter: filter.Filter{Identities: q.Filter.Identities}, Limit: q.Limit})
}

// request returns the query in Choria's form.
func (m External) request(q Query) any {
	type fact struct {
		Fact     string `json:"fact"`
		Operator string `json:"operator"`
		Value    string `json:"value"`
	}
	type expression struct {
		Expr string `json:"expr"`
	}
	texts := func(list []filter.Pattern) []string {
		all := make([]string, len(list))
		for i, p := range list {
			all[i] = p.String()
		}
		return all
	}
	f := q.Filter
	facts, compound := make([]fact, len(f.Facts)), make([][]expression, len(f.Compound))
	for i, x := range f.Facts {
		facts[i] = fact{x.Name, x.Operator, x.Value}
	}
	for i, c := range f.Compound {
		compound[i] = []expression{{c.String()}}
	}
	options := m.Options
	if options == nil {
		options = map[string]string{}
	}
	return map[string]any{
		"$schema": externalSchema, "protocol": externalRequest,
		"collective": q.Collective, "timeout": q.Timeout.Seconds(), "options": options, "federations": []string{},
		"filter": map[string]any{
			"fact": facts, "cf_class": texts(f.Classes), "agent": texts(f.Agents), "identity": texts(f.Identities), "compound": compound,
		},
	}
}

// consult runs the command and returns what it answered.
func consult(ctx context.Context, words []string, request []byte, limit time.Duration) ([]byte, error) {
	program, err := locate(words[0])
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mco-discovery-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "request.json"), filepath.Join(dir, "reply.json")
	if err := errors.Join(os.WriteFile(in, request, 0o600), os.WriteFile(out, nil, 0o600)); err != nil {
		return nil, err
	}
	r, err := run.Run(ctx, run.Command{
		Path: program, Args: words[1:], Dir: dir, Stdin: request, Timeout: limit, MaxStdout: maxInput,
		Env: []string{"CHORIA_EXTERNAL_REQUEST=" + in, "CHORIA_EXTERNAL_REPLY=" + out, "CHORIA_EXTERNAL_PROTOCOL=" + externalRequest},
	})
	switch {
	case err != nil:
		return nil, err
	case r.Signal != "":
		return nil, fmt.Errorf("it was %s%s", r.Signal, lastWords(r.Stderr))
	case r.Exit != 0:
		return nil, fmt.Errorf("exit status %d%s", r.Exit, lastWords(r.Stderr))
	}
	f, err := plainfile.Open(out)
	if err != nil {
		return nil, fmt.Errorf("its answer: %w", err)
	}
	defer f.Close()
	data, err := readAll(f)
	if err != nil || len(bytes.TrimSpace(data)) > 0 {
		return data, err
	}
	return r.Stdout, nil
}

// locate finds a program that is trusted: by its path, from where the user stands, or by its name in the
// places where programs are.
func locate(program string) (string, error) {
	find := run.Look
	if strings.Contains(program, "/") {
		find = filepath.Abs
	}
	path, err := find(program)
	if err != nil {
		return "", err
	}
	return path, trust.Program(path, run.Look)
}

// lastWords returns the last line that a program printed on its standard error, to be
// put behind another text.
func lastWords(stderr []byte) string {
	text := strings.TrimSpace(string(stderr))
	if text == "" {
		return ""
	}
	return fmt.Sprintf(": %.300q", text[strings.LastIndexByte(text, '\n')+1:])
}

// externalNames reads an answer.
func externalNames(answer []byte) ([]string, error) {
	text := bytes.TrimSpace(answer)
	switch {
	case len(text) == 0:
		return nil, nil // nothing was found
	case text[0] == '[':
		var names []string
		if json.Unmarshal(text, &names) == nil {
			return checked(names)
		}
		return senders(text)
	case text[0] != '{':
		return lines(text, true)
	}
	var reply struct {
		Protocol string   `json:"protocol"`
		Nodes    []string `json:"nodes"`
		Error    string   `json:"error"`
	}
	if err := json.Unmarshal(text, &reply); err != nil {
		return nil, fmt.Errorf("its answer is not the JSON that was expected: %w", err)
	}
	if reply.Error != "" {
		return nil, fmt.Errorf("it says: %.300q", reply.Error)
	}
	if reply.Protocol != "" && reply.Protocol != externalReply {
		return nil, fmt.Errorf("its answer is of the protocol %.100q, expected was %q", reply.Protocol, externalReply)
	}
	return checked(reply.Nodes)
}

func checked(names []string) ([]string, error) {
	for i, name := range names {
		if !filter.IsIdentity(name) {
			return nil, fmt.Errorf("node %d: %.300q is no identity: only letters, digits and _ . - are allowed", i+1, name)
		}
	}
	return names, nil
}
