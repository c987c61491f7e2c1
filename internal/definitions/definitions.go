// Package definitions finds out how the nodes that a client is about to call define the agent, so that no node decides for another.
//
// Nodes state the hash of their definition when they say that they match. What the
// client has kept under a hash is used without asking; of the others each is asked
// of one node that states it. So a fleet of one mind costs nothing, however large it
// is. Nodes that were not searched for are asked for their hash by name, and where
// none states any some are asked for the definition itself.
package definitions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/discovery"
	"mcollective/rpc"
	"mcollective/value"
)

// Bounds on what is done for the definition of one agent.
const (
	maxVersions = 8 // different definitions that are asked for
	maxAsked    = 4 // nodes that are asked at once where none states a hash
	maxRounds   = 3 // how often another node is asked in place of one that gave nothing
	roundTime   = 4 * time.Second
	totalTime   = 10 * time.Second
	checkTime   = 2 * time.Second // in all, where this machine has a definition
)

// A Client asks nodes; it is a client.Client.
type Client interface {
	Definitions(ctx context.Context, q discovery.Query, nodes []string) (map[string][]string, error)
	Run(ctx context.Context, r client.Run, each func(client.Answer)) (*client.Account, error)
}

// A Finder asks nodes for definitions.
type Finder struct {
	Client     Client
	Collective string
	Timeout    time.Duration // how long nodes are awaited that are asked for a hash
	Cache      ddl.Cache
	Log        *slog.Logger
}

// Targets are the nodes that are about to be called.
type Targets struct {
	Nodes []string

	// Searched reports whether the nodes said themselves that they match. Stated is
	// then what they stated, as in client.Found, of those and maybe of other nodes.
	Searched bool
	Stated   map[string][]string
}

// Complete adds to a contract what the targets define. An error means that they
// could not be asked; that a definition could not be had is noted in the contract.
func (f *Finder) Complete(ctx context.Context, c *ddl.Contract, t Targets) error {
	if len(t.Nodes) == 0 {
		return nil
	}
	c.Called(t.Nodes)
	most := totalTime
	if c.Local() != nil {
		most = checkTime
	}
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	stated := among(t.Stated, t.Nodes)
	switch {
	case c.Local() != nil && !t.Searched:
		return nil // nobody has to be asked
	case !t.Searched && len(t.Nodes) > maxAsked:
		var err error
		q := discovery.Query{Collective: f.Collective, Definition: c.Agent(), Timeout: f.Timeout}
		if stated, err = f.Client.Definitions(ctx, q, t.Nodes); err != nil {
			return fmt.Errorf("ask the nodes for their definition of agent %s: %w", c.Agent(), err)
		}
	}
	var err error
	switch {
	case len(stated) > 0:
		err = f.learn(limited, c, stated)
	case c.Local() == nil:
		err = f.askSome(limited, c, t.Nodes)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("ask the nodes for their definition of agent %s: %w", c.Agent(), context.Cause(ctx))
	}
	if d := c.Definition(); d != nil && c.Local() == nil {
		f.Cache.Get(c.Agent(), d.Hash()) // so that what most nodes have is what was used last
	}
	return err
}

// among leaves of what was stated that of the given nodes.
func among(stated map[string][]string, nodes []string) map[string][]string {
	if len(stated) == 0 {
		return nil
	}
	meant := make(map[string]bool, len(nodes))
	for _, n := range nodes {
		meant[n] = true
	}
	left := make(map[string][]string, len(stated))
	for hash, all := range stated {
		var some []string
		for _, n := range all {
			if meant[n] {
				some = append(some, n)
			}
		}
		if len(some) > 0 {
			left[hash] = some
		}
	}
	return left
}

// A want is a definition that is to be had from one of some nodes.
type want struct {
	hash  string // the beginning of its
	nodes []string
	left  []string // of these, who were not asked yet
	err   error    // what the last one came to
}

// learn adds the definitions with the hashes that were stated.
func (f *Finder) learn(ctx context.Context, c *ddl.Contract, stated map[string][]string) error {
	own := ""
	if d := c.Local(); d != nil {
		own = d.Hash()
	}
	var wanted []*want
	var beyond []string // nodes with definitions that are not asked for
	// By the number of nodes, so that what is left out is what fewest have.
	for _, hash := range slices.SortedFunc(maps.Keys(stated), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(stated[b]), len(stated[a])), strings.Compare(a, b))
	}) {
		nodes := stated[hash]
		switch {
		case strings.HasPrefix(own, hash):
			continue
		case len(wanted) == maxVersions:
			beyond = append(beyond, nodes...)
			continue
		}
		if d := f.Cache.Get(c.Agent(), hash); d != nil {
			c.Learn(d, nodes)
			continue
		}
		left := slices.Clone(nodes)
		rand.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
		wanted = append(wanted, &want{hash: hash, nodes: nodes, left: left})
	}
	if len(beyond) > 0 { // all in one, since one node can state thousands
		c.Missing(beyond, fmt.Errorf("the nodes have more than %d different ones", maxVersions))
	}
	for round := 0; round < maxRounds && len(wanted) > 0 && ctx.Err() == nil; round++ {
		var err error
		if wanted, err = f.round(ctx, c, wanted); err != nil {
			return err
		}
	}
	for _, w := range wanted {
		c.Missing(w.nodes, cmp.Or(w.err, errors.New("no answer in time")))
	}
	return nil
}

// round asks for each definition one node that states it, and returns those which
// another node may still give.
func (f *Finder) round(ctx context.Context, c *ddl.Contract, wanted []*want) ([]*want, error) {
	asked := make(map[string][]*want)
	var nodes []string
	for _, w := range wanted {
		node := w.left[0]
		w.left = w.left[1:]
		if asked[node] == nil {
			nodes = append(nodes, node)
		}
		asked[node] = append(asked[node], w)
		w.err = fmt.Errorf("node %s did not answer", node)
	}
	had := make(map[*want]bool)
	err := f.ask(ctx, c.Agent(), "", nodes, func(node string, g given) {
		for _, w := range asked[node] {
			switch {
			case g.err != nil:
				w.err = g.err
			case !strings.HasPrefix(g.hash, w.hash):
				w.err = fmt.Errorf("node %s gave another one than it stated", node)
			case !had[w]:
				had[w] = true
				c.Learn(g.definition, w.nodes)
			}
		}
	})
	var left []*want
	for _, w := range wanted {
		switch {
		case had[w]:
		case len(w.left) == 0:
			c.Missing(w.nodes, w.err)
		default:
			f.Log.Info("definition not available; asking another node", "agent", c.Agent(), "error", w.err)
			left = append(left, w)
		}
	}
	return left, err
}

// askSome asks some nodes, none of which stated a hash, for the definition itself,
// until some gave one.
func (f *Finder) askSome(ctx context.Context, c *ddl.Contract, nodes []string) error {
	known := ""
	latest := f.Cache.Latest(c.Agent())
	if latest != nil {
		known = latest.Hash
	}
	refused := make(map[string][]string) // who gave none, by what they say
	defer func() {
		if c.Definition() == nil { // then this is all that is known
			for _, why := range slices.Sorted(maps.Keys(refused)) {
				c.Missing(refused[why], errors.New(why))
			}
		}
	}()
	for range maxRounds {
		some := nodes[:min(len(nodes), maxAsked)]
		if nodes = nodes[len(some):]; len(some) == 0 || ctx.Err() != nil {
			return nil
		}
		found := make(map[string][]string)
		definitions := make(map[string]*ddl.Definition)
		err := f.ask(ctx, c.Agent(), known, some, func(node string, g given) {
			switch {
			case g.refused != nil:
				f.Log.Info("a node gives no definition", "agent", c.Agent(), "error", g.err)
				refused[g.refused.Error()] = append(refused[g.refused.Error()], node)
			case g.err != nil:
				c.Missing([]string{node}, g.err)
			case g.definition == nil && g.hash == known && latest != nil:
				g.definition = latest.Definition
				fallthrough
			case g.definition != nil:
				definitions[g.hash] = g.definition
				if !slices.Contains(found[g.hash], node) {
					found[g.hash] = append(found[g.hash], node)
				}
			}
		})
		for hash, who := range found {
			c.Learn(definitions[hash], who)
		}
		if err != nil || len(found) > 0 {
			return err
		}
	}
	return nil
}

// given is what a node gave.
type given struct {
	definition *ddl.Definition // nil if it is the known one
	hash       string
	err        error
	refused    error // the node has no definition, or does not give it; in its words
}

// ask asks nodes for the definition of an agent, unless it is the one with a known
// hash. What can be used is kept.
func (f *Finder) ask(ctx context.Context, agent, known string, nodes []string, each func(node string, g given)) error {
	inputs := value.NewMap(value.Symbol("agent"), agent, value.Symbol("format"), "json")
	if known != "" {
		inputs.Set(value.Symbol("hash"), known)
	}
	wait := roundTime
	if end, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(end))
	}
	asked := make(map[string]bool, len(nodes))
	for _, n := range nodes {
		asked[n] = true
	}
	_, err := f.Client.Run(ctx, client.Run{
		Agent: rpc.UtilAgent, Action: "get_ddl", Inputs: inputs, Nodes: nodes, Collective: f.Collective, Direct: true, Timeout: wait,
	}, func(a client.Answer) {
		if asked[a.Sender] { // once, and nobody else
			delete(asked, a.Sender)
			each(a.Sender, f.read(agent, known, a))
		}
	})
	if err != nil {
		return fmt.Errorf("ask nodes for the definition of agent %s: %w", agent, err)
	}
	return nil
}

// read takes the answer of a node apart.
func (f *Finder) read(agent, known string, a client.Answer) given {
	if refused := a.Failure(); refused != nil {
		return given{err: fmt.Errorf("node %s: %w", a.Sender, refused), refused: refused}
	}
	text := func(name string) string {
		v, _ := a.RPC.Output(name)
		s, _ := rpc.Text(v)
		return s
	}
	data := []byte(text("ddl"))
	if len(data) == 0 && known != "" && text("hash") == known {
		return given{hash: known}
	}
	d, err := ddl.ParseRemote(agent, data)
	if err != nil {
		return given{err: fmt.Errorf("node %s: %w", a.Sender, err)}
	}
	if err := f.Cache.Put(agent, data); err != nil {
		f.Log.Info("definition not cached", "error", err)
	}
	return given{definition: d, hash: ddl.HashOf(data)}
}
