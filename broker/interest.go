package broker

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	gonats "github.com/nats-io/nats.go"

	"mcollective/connector/nats/interest"
	"mcollective/connector/nats/subject"
	"mcollective/message"
)

// An interestService is the way by which clients learn who listens to a broadcast,
// so that discovery can end when all of these have spoken.
//
// It is a client of its own broker, inside the process, and answers anyone who may
// publish to its subject; access lets nobody else listen there or answer. What it
// tells, the names of nodes, each client can learn from the nodes too. A broker that
// is part of something larger does not see all who listen, so it does not offer the
// service, and clients wait as they always did.
//
// A look at all subscriptions costs, and anybody may ask. So those who wait for the
// same subject share a look, which begins after the last of them has asked; no more
// than maxSubjects and maxAsking wait, the rest hears nothing, and waits as it would
// with another broker; and between two looks there is as much time as the last took.
type interestService struct {
	server  *server.Server
	account *server.Account
	conn    *gonats.Conn
	log     *slog.Logger
	chunk   int                            // bytes of names in one message
	see     func(string) []interest.Answer // look; tests count it
	nameOf  func(cid uint64) string        // the node at the end of a connection, or ""
	cut     func() bool                    // whether connections were cut a moment ago

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

// serveInterest starts the service on the broker's own connection.
func (b *Broker) serveInterest() error {
	i := &interestService{
		server: b.server, account: b.server.GlobalAccount(), conn: b.own, log: b.log.log, chunk: min(maxChunk, int(b.opts.MaxPayload)/2), cut: b.guard.cutLately,
		asking: make(map[string]replies), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	i.see, i.nameOf = i.look, i.connectionName
	if b.enroll != nil {
		var err error
		if i.account, err = b.enroll.account(); err != nil {
			return err
		}
		i.nameOf = b.enroll.nameOf
	}
	if err := i.subscribe(); err != nil {
		return err
	}
	b.interest = i
	i.ended.Go(i.serve)
	return nil
}

// serveOwn connects to the broker from within, if it controls who else may, and serves
// what it does itself. Without telling who listens it is no worse than any other
// broker; a trusted collective cannot do without what it does.
func (b *Broker) serveOwn() error {
	if b.access == nil && b.enroll == nil {
		return nil
	}
	settings := []gonats.Option{
		gonats.InProcessServer(b.server), gonats.Name("mco broker"), gonats.MaxReconnects(-1), gonats.Timeout(startTimeout / 10),
		gonats.ConnectHandler(b.ownConnection), gonats.ReconnectHandler(b.ownConnection),
		gonats.ErrorHandler(func(_ *gonats.Conn, _ *gonats.Subscription, err error) {
			b.log.log.Debug("own connection failed", "error", err)
		}),
	}
	if b.enroll != nil {
		kit := b.given.Trust.Kit
		settings = append(settings, gonats.UserJWT(func() (string, error) { return kit.Login, nil }, kit.Service.SignNonce),
			gonats.Secure(kit.Trust.TLS()), gonats.TLSHandshakeFirst()) // else it would be waited for as for any other
	} else {
		settings = append(settings, gonats.Token(b.access.own))
	}
	var err error
	if b.own, err = gonats.Connect("", settings...); err == nil {
		err = b.serveInterest()
	}
	if b.enroll == nil {
		if err != nil {
			b.log.log.Warn("interest service not started; each discovery takes its whole time", "error", err)
		}
		return nil
	}
	if err == nil {
		err = b.enroll.serve(b.own)
	}
	if err != nil {
		return fmt.Errorf("broker: own connection: %w", err)
	}
	b.background.Go(func() { b.enroll.watch(b.done) })
	return nil
}

// ownConnection tells the guard which connection is the broker's.
func (b *Broker) ownConnection(nc *gonats.Conn) {
	if id, err := nc.GetClientID(); err == nil {
		b.guard.own.Store(id)
	}
}

// subscribe has questions come in. What a flood of them may take in this process
// is bounded; those beyond that hear nothing.
func (i *interestService) subscribe() error {
	sub, err := i.conn.Subscribe(interest.Subject, i.ask)
	if err != nil {
		return err
	}
	if err := sub.SetPendingLimits(2*maxAsking, 2*maxAsking*interest.MaxQuestion); err != nil {
		return err
	}
	return i.conn.Flush()
}

func (i *interestService) close() {
	if i == nil {
		return
	}
	close(i.done)
	i.ended.Wait()
}

// ask takes a question.
func (i *interestService) ask(m *gonats.Msg) {
	if len(m.Data) > interest.MaxQuestion || !interest.IsReply(m.Reply) {
		return
	}
	subject := string(m.Data)
	if why := i.refuse(subject); why != "" {
		i.answer(m.Reply, []interest.Answer{{Subject: subject, Error: why}})
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
func (i *interestService) next() (subject string, to replies) {
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
func (i *interestService) serve() {
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
func (i *interestService) answer(to string, parts []interest.Answer) {
	for _, r := range parts {
		data, err := json.Marshal(r)
		if err == nil {
			err = i.conn.Publish(to, data)
		}
		if err != nil {
			i.log.Debug("interest service failed", "error", err)
			return
		}
	}
}

// refuse says why a question about a subject has no answer, or "".
func (i *interestService) refuse(about string) string {
	collective, agent, ok := subject.ParseBroadcast(about)
	if !ok || message.ValidCollective(collective) != nil || message.ValidAgent(agent) != nil {
		return "that is no subject of a broadcast"
	}
	if i.server.NumRoutes()+i.server.NumLeafNodes()+i.server.NumOutboundGateways() > 0 {
		return "this broker is not alone"
	}
	return ""
}

// connectionName returns what a connection calls itself.
func (i *interestService) connectionName(cid uint64) string {
	if c := i.server.GetClient(cid); c != nil {
		return c.GetName()
	}
	return ""
}

// look makes the parts of an answer.
func (i *interestService) look(subject string) []interest.Answer {
	cannot := func(why string) []interest.Answer { return []interest.Answer{{Subject: subject, Error: why}} }
	if i.cut() {
		// They are back soon. Anyone who can make the broker cut connections must not be
		// able to hide nodes by that.
		return cannot("connections were cut a moment ago, because too much waited for them")
	}
	if i.account.Interest(subject) == 0 {
		return []interest.Answer{{Subject: subject}} // known without a look at every subscription
	}
	all, err := i.server.Subsz(&server.SubszOptions{Subscriptions: true, Account: i.account.GetName(), Test: subject, Limit: server.DEFAULT_MAX_CONNECTIONS * 4})
	if err != nil {
		return cannot(err.Error())
	}
	if all.Total > len(all.Subs) {
		return cannot("there are too many")
	}
	parts := []interest.Answer{{Subject: subject}}
	size := 0
	for _, s := range all.Subs {
		// Nodes listen to exactly this; a wildcard is somebody who looks on.
		if s.Subject != subject || s.Queue != "" {
			continue
		}
		last := &parts[len(parts)-1]
		if i.server.GetClient(s.Cid) == nil {
			continue // gone meanwhile
		}
		name := i.nameOf(s.Cid)
		if message.ValidIdentity(name) != nil {
			last.Unnamed++
			continue
		}
		if size += len(name) + 3; size > i.chunk && len(last.Names) > 0 {
			last.More = true
			parts, size = append(parts, interest.Answer{Subject: subject}), len(name)
			last = &parts[len(parts)-1]
		}
		last.Names = append(last.Names, name)
	}
	return parts
}
