package message

import (
	"strings"
	"testing"
	"time"

	"mcollective/internal/subtest"
)

func TestPrincipalCheck(t *testing.T) {
	now := time.Unix(1795336394, 0)
	for name, c := range map[string]struct {
		p    Principal
		want string // in the error; "" is none
	}{
		"nobody":                       {Principal{}, "nothing proves"},
		"a name alone":                 {Principal{ID: "uid=0"}, "nothing proves"},
		"a proof of a later version":   {Principal{ID: "uid=0", Proof: Signature + 1}, "nothing proves"},
		"a shared secret":              {Principal{ID: "uid=0", Proof: SharedSecret}, ""},
		"a signature":                  {Principal{ID: "uid=0", Proof: Signature, Until: now.Add(1)}, ""},
		"ended this moment":            {Principal{ID: "uid=0", Proof: Signature, Until: now}, "ended at 2026-11-22T"},
		"ended long ago":               {Principal{ID: "uid=0", Proof: SharedSecret, Until: time.Unix(1, 0)}, "ended at 1970"},
		"a proof of nobody":            {Principal{Proof: Signature}, "not of the form"},
		"a proof of what is no caller": {Principal{ID: "uid=0\nroot", Proof: Signature}, "other characters"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.p.Check(now)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		})
	}
}

func TestPermissions(t *testing.T) {
	may := func(collective, agent, action string) Principal {
		return Principal{ID: "uid=0", Proof: Signature, Permissions: []Permission{{[]string{collective}, []string{agent}, []string{action}}}}
	}
	everything := Principal{Proof: SharedSecret, Permissions: Everything()}
	for name, c := range map[string]struct {
		p                         Principal
		collective, agent, action string
		want                      bool
	}{
		"none":                          {Principal{}, "mc", "puppet", "status", false},
		"all, but nothing proves it":    {Principal{Permissions: Everything()}, "mc", "puppet", "status", false},
		"all, by a later proof":         {Principal{Proof: Signature + 1, Permissions: Everything()}, "mc", "puppet", "status", false},
		"all":                           {everything, "mc", "puppet", "status", true},
		"all, and no action":            {everything, "mc", "puppet", "", true},
		"this":                          {may("mc", "puppet", "status"), "mc", "puppet", "status", true},
		"another action":                {may("mc", "puppet", "status"), "mc", "puppet", "runonce", false},
		"another agent":                 {may("mc", "puppet", "*"), "mc", "service", "status", false},
		"another collective":            {may("mc", "*", "*"), "uk", "puppet", "status", false},
		"no action is not any":          {may("mc", "puppet", "status"), "mc", "puppet", "", false},
		"no action is not an empty one": {may("mc", "puppet", ""), "mc", "puppet", "", false},
		"a part of a name":              {may("mc", "puppet", "stat"), "mc", "puppet", "status", false},
		"a pattern is a name":           {may("mc", "pup*", "*"), "mc", "puppet", "status", false},
		"an action that is called *":    {may("mc", "puppet", "status"), "mc", "puppet", "*", false},
	} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			if err := c.p.Allows(c.collective, c.agent, c.action); (err == nil) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	long := Principal{ID: "uid=0", Proof: Signature}
	if err := long.Allows("mc", "puppet", strings.Repeat("x", 1000)+"\n"); err == nil || len(err.Error()) > 400 || strings.Contains(err.Error(), "\n") {
		t.Errorf("error is %v", err)
	}
}

func TestReasonCodes(t *testing.T) {
	for _, r := range []Reason{"", Denied, Expired, NoAgent, Busy, TimedOut, Stopping, TooLarge, Broken} {
		if err := ValidReason(r); err != nil {
			t.Errorf("%q: %v", r, err)
		}
	}
	for _, r := range []Reason{"Denied", "no agent", "a\n", "ü", "x1", Reason(strings.Repeat("x", 33))} {
		if ValidReason(r) == nil {
			t.Errorf("%q is a reason", r)
		}
	}
}
