package message

import "fmt"

// A Reason is a code by which a node says why a request did not do what it asks for.
// It is what programs go by; the text of a reply is for people. Nodes of Ruby give
// none, and "" is none.
type Reason string

// The reasons that nodes give. A client takes one that it does not know for a
// failure.
const (
	Denied   Reason = "denied"    // the caller may not do this here
	Expired  Reason = "expired"   // the request came too late, or the clocks differ
	NoAgent  Reason = "no_agent"  // the node does not have the agent
	Busy     Reason = "busy"      // too much is waiting or hanging; later it may work
	TimedOut Reason = "timed_out" // the action took longer than it may
	Stopping Reason = "stopping"  // the node is going down, and breaks off or begins nothing
	TooLarge Reason = "too_large" // the action has run, and its reply is larger than the broker takes
	Broken   Reason = "broken"    // the agent is at fault: it panicked, or made a reply that cannot be sent
)

const maxReason = 32

// ValidReason reports what is wrong with the code of a reason, or nil. It is at most 32
// lower-case ASCII letters and underscores.
func ValidReason(r Reason) error {
	if len(r) > maxReason {
		return fmt.Errorf("reason of %d bytes, at most %d are allowed", len(r), maxReason)
	}
	for i := range len(r) {
		if c := r[i]; (c < 'a' || c > 'z') && c != '_' {
			return fmt.Errorf("reason %q has other characters than lower-case letters and _", string(r))
		}
	}
	return nil
}
