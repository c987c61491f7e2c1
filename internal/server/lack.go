package server

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mcollective/connector"
)

// A Lack says where the node cannot listen though it should, and why.
type Lack struct {
	missing []missing
}

type missing struct {
	target connector.Target
	cause  error
}

// add notes a target if there is a cause.
func (l *Lack) add(t connector.Target, cause error) {
	if cause != nil {
		l.missing = append(l.missing, missing{t, cause})
	}
}

// Collectives returns those in which something is missing, in order.
func (l *Lack) Collectives() []string {
	var names []string
	for _, m := range l.missing {
		if !slices.Contains(names, m.target.Collective) {
			names = append(names, m.target.Collective)
		}
	}
	slices.Sort(names)
	return names
}

// refused reports whether the broker refused all that is missing.
func (l *Lack) refused() bool {
	return !slices.ContainsFunc(l.missing, func(m missing) bool { return !errors.Is(m.cause, connector.ErrRefused) })
}

// shown is how many targets of a collective are named.
const shown = 3

// Error tells for each collective what is missing and the first cause.
func (l *Lack) Error() string {
	var parts []string
	for _, c := range l.Collectives() {
		var names []string
		var cause error
		more := 0
		for _, m := range l.missing {
			if m.target.Collective != c {
				continue
			}
			if cause == nil {
				cause = m.cause
			}
			name := "agent " + m.target.Agent
			if m.target.Kind == connector.Directed {
				name = "requests to this node by name"
			}
			if len(names) < shown {
				names = append(names, name)
			} else {
				more++
			}
		}
		text := strings.Join(names, ", ")
		if more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, fmt.Sprintf("collective %s, %s: %v", c, text, cause))
	}
	return strings.Join(parts, "; ")
}

// Unwrap returns the causes.
func (l *Lack) Unwrap() []error {
	var causes []error
	for _, m := range l.missing {
		causes = append(causes, m.cause)
	}
	return causes
}

// Lack returns what is missing of the node's subscriptions since they were last
// asked for, or nil.
func (s *Server) Lack() *Lack {
	if l := s.lack.Load(); l != nil && len(l.missing) > 0 {
		return l
	}
	return nil
}
