package broker

import (
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	gonats "github.com/nats-io/nats.go"

	"mcollective/message"
)

// interestSubject is where the service listens. docs/wire.md describes it;
// connector/nats asks it.
const interestSubject = "_MCO.interest"

// The listeners to a subject are one part of an answer.
type listeners struct {
	Names   []string `json:"names,omitempty"`   // of connections, one for each subscription
	Unnamed int      `json:"unnamed,omitempty"` // subscriptions of connections that have no name of a node
	More    bool     `json:"more,omitempty"`    // another part follows
	Error   string   `json:"error,omitempty"`   // why the broker cannot tell
}

// An interest is the service by which clients learn who listens to a broadcast,
// so that discovery can end when all of these have spoken.
//
// It is a client of its own broker, inside the process, and answers whoever may
// publish to its subject. What it tells, the names of nodes, each client can learn
// from the nodes too. A broker that is part of something larger does not see all
// who listen, so it does not offer the service, and clients wait as they always
// did.
//
// A look at all subscriptions costs, and anybody may ask. So those who wait for the
// same subject share a look, which begins after the last of them has asked; no more
// than maxSubjects and maxAsking wait, the rest hears nothing, and waits as it would
// with another broker; and between two looks there is as much time as the last took.
type interest struct {
	server *server.Server
	conn   *gonats.Conn
	log    *slog.Logger
	chunk  int                      // bytes of names in one message
	see    func(string) []listeners // look; tests count it

	mu      sync.Mutex
	queue   []string           // subjects that are asked about, by the first question
	asking  map[string]replies // where the answers go, by subject
	waiting int                // how many these are
	wake    chan struct{}      // has a token when somebody waits
	done    chan struct{}      // closed at the end
	ended   sync.WaitGroup
}

// replies are the addresses of those who wait for one answer.
type replies map[string]struct{}

const (
	maxSubjects = 64   // that wait to be looked for
	maxAsking   = 4096 // addresses that wait for answers
)

// maxChunk is how many bytes of names go into one message, if the broker takes
// that much.
const maxChunk = 60 << 10

// tellInterest starts the service where this broker alone sees all who listen,
// and all in one account. Without it the broker is no worse than any other.
func (b *Broker) tellInterest() {
	o := b.opts
	larger := o.Cluster.Port != 0 || o.Cluster.Name != "" || o.Gateway.Name != "" || o.LeafNode.Port != 0 || len(o.LeafNode.Remotes) > 0
	accounts := len(o.Users)+len(o.Nkeys)+len(o.TrustedOperators)+len(o.TrustedKeys)+len(o.Accounts) > 0 || o.AuthCallout != nil || o.CustomClientAuthentication != nil
	if larger || accounts || o.TLSMap {
		return
	}
	i := &interest{
		server: b.server, log: b.log.log, chunk: min(maxChunk, int(o.MaxPayload)/2),
		asking: make(map[string]replies), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	i.see = i.look
	settings := []gonats.Option{
		gonats.InProcessServer(b.server), gonats.Name("mco broker"), gonats.MaxReconnects(-1), gonats.Timeout(startPatience / 10),
		gonats.UserInfo(o.Username, o.Password), gonats.Token(o.Authorization),
		gonats.ErrorHandler(func(_ *gonats.Conn, _ *gonats.Subscription, err error) {
			i.log.Debug("the interest service", "error", err)
		}),
	}
	var err error
	if i.conn, err = gonats.Connect("", settings...); err == nil {
		_, err = i.conn.Subscribe(interestSubject, i.ask)
	}
	if err == nil {
		err = i.conn.Flush()
	}
	if err != nil {
		i.log.Warn("clients cannot be told who listens, discovery will take its whole time", "error", err)
		i.close()
		return
	}
	b.interest = i
	i.ended.Go(i.serve)
}

func (i *interest) close() {
	if i == nil {
		return
	}
	close(i.done)
	if i.conn != nil {
		i.conn.Close()
	}
	i.ended.Wait()
}

// ask takes a question.
func (i *interest) ask(m *gonats.Msg) {
	if m.Reply == "" {
		return
	}
	subject := string(m.Data)
	if why := i.refuse(subject); why != "" {
		i.answer(m.Reply, []listeners{{Error: why}})
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	others, known := i.asking[subject]
	if _, again := others[m.Reply]; again || i.waiting >= maxAsking || !known && len(i.queue) >= maxSubjects {
		return
	}
	if !known {
		others = make(replies)
		i.asking[subject] = others
		i.queue = append(i.queue, subject)
	}
	others[m.Reply] = struct{}{}
	i.waiting++
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

// next takes the subject that was asked about first, and where the answers go.
func (i *interest) next() (subject string, to replies) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.queue) == 0 {
		return "", nil
	}
	subject, i.queue = i.queue[0], i.queue[1:]
	to = i.asking[subject]
	delete(i.asking, subject)
	i.waiting -= len(to)
	return subject, to
}

// serve answers, one subject after the other, until the end.
func (i *interest) serve() {
	for {
		subject, waiting := i.next()
		if len(waiting) == 0 {
			select {
			case <-i.wake:
				continue
			case <-i.done:
				return
			}
		}
		began := time.Now()
		parts := i.see(subject)
		for to := range waiting {
			i.answer(to, parts)
		}
		select {
		case <-time.After(time.Since(began)):
		case <-i.done:
			return
		}
	}
}

// answer sends the parts of an answer.
func (i *interest) answer(to string, parts []listeners) {
	for _, r := range parts {
		data, err := json.Marshal(r)
		if err == nil {
			err = i.conn.Publish(to, data)
		}
		if err != nil {
			i.log.Debug("the interest service", "error", err)
			return
		}
	}
}

// refuse says why a question has no answer, or "".
func (i *interest) refuse(subject string) string {
	collective, agent, ok := strings.Cut(subject, ".broadcast.agent.")
	if !ok || message.ValidCollective(collective) != nil || message.ValidAgent(agent) != nil {
		return "that is no subject of a broadcast"
	}
	if i.server.NumRoutes()+i.server.NumLeafNodes()+i.server.NumOutboundGateways() > 0 {
		return "this broker is not alone"
	}
	return ""
}

// look makes the parts of an answer.
func (i *interest) look(subject string) []listeners {
	cannot := func(why string) []listeners { return []listeners{{Error: why}} }
	if i.server.GlobalAccount().Interest(subject) == 0 {
		return []listeners{{}} // known without a look at every subscription
	}
	all, err := i.server.Subsz(&server.SubszOptions{Subscriptions: true, Account: server.DEFAULT_GLOBAL_ACCOUNT, Test: subject, Limit: server.DEFAULT_MAX_CONNECTIONS * 4})
	if err != nil {
		return cannot(err.Error())
	}
	if all.Total > len(all.Subs) {
		return cannot("there are too many")
	}
	parts := make([]listeners, 1)
	size := 0
	for _, s := range all.Subs {
		// Nodes listen to exactly this; a wildcard is somebody who looks on.
		if s.Subject != subject || s.Queue != "" {
			continue
		}
		last := &parts[len(parts)-1]
		c := i.server.GetClient(s.Cid)
		if c == nil {
			continue // gone meanwhile
		}
		name := c.GetName()
		if message.ValidIdentity(name) != nil {
			last.Unnamed++
			continue
		}
		if size += len(name) + 3; size > i.chunk && len(last.Names) > 0 {
			last.More = true
			parts, size = append(parts, listeners{}), len(name)
			last = &parts[len(parts)-1]
		}
		last.Names = append(last.Names, name)
	}
	return parts
}
