package client

import (
	"testing"

	"mcollective/internal/subtest"
	"mcollective/message"
	"mcollective/rpc"
)

// What an answer means: the reason is believed before status and text, what is not
// known is no success, and of texts only the one of Ruby's nodes is known.
func TestOutcomes(t *testing.T) {
	body := func(s rpc.Status, text string) any { return (&rpc.Reply{Status: s, Message: text}).Body() }
	for name, c := range map[string]struct {
		reason      message.Reason
		body        any
		action      Outcome // as the answer of an action
		plain       Outcome // as that to any other question
		unparseable bool
	}{
		"success":                  {"", body(rpc.OK, "OK"), OK, OK, false},
		"failure":                  {"", body(rpc.Aborted, "no disk"), Failed, OK, false},
		"Ruby does not let":        {"", body(rpc.Aborted, rpc.TextDenied), Denied, OK, false},
		"the text without status":  {"", body(rpc.UnknownError, rpc.TextDenied), Failed, OK, false},
		"the text and more":        {"", body(rpc.Aborted, rpc.TextDenied+" x"), Failed, OK, false},
		"denied":                   {message.Denied, body(rpc.Aborted, "in other words"), Denied, Denied, false},
		"timed out":                {message.TimedOut, body(rpc.UnknownError, "late"), TimedOut, TimedOut, false},
		"expired":                  {message.Expired, body(rpc.UnknownError, "old"), Expired, Expired, false},
		"an agent's words":         {"", body(rpc.UnknownError, "timed out: says the agent"), Failed, OK, false},
		"busy":                     {message.Busy, body(rpc.UnknownError, "busy"), Failed, Failed, false},
		"of a later version":       {"on_holiday", body(rpc.UnknownError, "?"), Failed, Failed, false},
		"a reason beside success":  {message.Broken, body(rpc.OK, "OK"), Failed, Failed, false},
		"not of an action":         {"", "pong", Failed, OK, true},
		"denied, not of an action": {message.Denied, "no", Denied, Denied, true},
	} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			a := Answer{Reply: &message.Reply{Body: c.body, Reason: c.reason}}
			if judgeRPC(&a); a.Outcome != c.action || (a.Err != nil) != c.unparseable || (a.RPC == nil) != c.unparseable {
				t.Errorf("%s: %v, %v", name, a.Outcome, a.Err)
			}
			if why := a.Failure(); (why == nil) != (c.action == OK) || why != nil && why.Error() == "" {
				t.Errorf("%s: the failure is %v", name, why)
			}
			if a.RPC != nil && c.reason != "" && a.RPC.Status == rpc.OK {
				t.Errorf("%s: the status says success", name)
			}
			if judge(&a); a.Outcome != c.plain {
				t.Errorf("%s, of a plain call: %v", name, a.Outcome)
			}
		})
	}
}
