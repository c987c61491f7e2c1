// Package message is what requests and replies hold, as every node and client
// sees them, whatever bytes they travelled in.
//
// A client makes a [Request], or has package client make it, and a security provider
// turns it into bytes; a node gets it back with its [Principal], which says who asks
// and how sure that is, and answers with a [Reply]. The Valid functions are the one
// place that says what a name may look like.
//
// A body is a tree of nil, bool, int64, *big.Int, float64, string, value.Symbol,
// value.Binary, []any and *value.Map (ordered, keys of any of these kinds), and in
// replies also the inert objects of package value. Serializers without symbols write
// a symbol as a string. The body of a request to the agent discovery is [Ping]; what
// is in one to another agent is the job of package rpc.
//
// The package never touches bytes, brokers or keys. A zero Principal may do nothing.
package message

import (
	"time"

	"mcollective/filter"
)

// A Request is a question to the nodes that its filter matches.
type Request struct {
	ID         string // 32 hexadecimal digits, from NewID
	Collective string
	Agent      string
	Sender     string // identity of the machine that asks
	Caller     string // who asks, as the message says; a node goes by Principal
	Filter     filter.Filter
	Time       time.Time     // when it was sent, in whole seconds
	TTL        time.Duration // whole seconds that it is good for
	Body       any           // as the package comment says

	// Of a request to the agent discovery. Nodes that do not know them take no notice.
	AnswerAll  bool   // a node that does not match says No
	Definition string // an agent, of which a node that matches states its definition, see StateDefinition; "" is none

	// What does not travel as such.
	Principal Principal // who asks, as the security provider of a node has proven
	ReplyTo   string    // of a client: the address that replies are to come to, for providers that prove it; "" is none
	Digest    string    // of the bytes that travel, from a provider that binds replies to them; "" from others
}

// A Reply is one node's answer.
type Reply struct {
	RequestID string
	Sender    string // identity of the node
	Agent     string
	Time      time.Time
	Body      any    // as the package comment says
	Reason    Reason // why the request did not do what it asks for; "" if it did, or nothing is known
}
