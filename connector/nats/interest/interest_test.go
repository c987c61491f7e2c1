package interest

import (
	"slices"
	"strings"
	"testing"

	"mcollective/internal/subtest"
)

func TestReplyAddresses(t *testing.T) {
	if a, b := NewReply(), NewReply(); a == b || !IsReply(a) || !IsReply(b) {
		t.Errorf("made %s and %s", a, b)
	}
	for _, address := range []string{"", "_MCO_REPLY.", "_MCO_REPLY.*", "_MCO_REPLY.>", "_MCO_REPLY.SHORT", "mcollective.node.web1", "_INBOX.ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		"_MCO_REPLY.ABCDEFGHIJKLM.NOPQRSTUVWXYZ", "_MCO_REPLY." + strings.Repeat("A", 65), "_MCO_REPLY.ABCDEFGHIJKLMNOPQ RSTUVWXYZ"} {
		if IsReply(address) {
			t.Errorf("%q counts as an address for answers", address)
		}
	}
}

func TestOnlyTheNameOfABrokerOffers(t *testing.T) {
	for name, want := range map[string]bool{ServerName(""): true, ServerName("a"): true, ServerName(ServerName("a")): true,
		"": false, "NDPZ2H4Y": false, "mco-broker": false, "x-mco-broker/": false} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			if Offered(name) != want {
				t.Errorf("%q: %v", name, !want)
			}
		})
	}
	if a, b := ServerName("a"), ServerName(ServerName("a")); a != b {
		t.Errorf("%s is not %s", a, b)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"", "{}", `{"subject":"s","names":["a","b"],"more":true}`, `{"subject":"s","unnamed":1}`, `{"subject":"s"}`,
		`{"subject":"other","names":["a"]}`, `{"subject":"s","error":"no"}`, `{"subject":"s","more":true}`, `{"names":[1]}`, "[]", `{"stream":"x","seq":1}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n := Names{Subject: "s", All: []string{"x"}}
		more, err := n.Add([]byte(text))
		switch {
		case err != nil && (more || !slices.Equal(n.All, []string{"x"})):
			t.Errorf("%q: names with an error", text)
		case len(n.All) == 0 || n.All[0] != "x":
			t.Errorf("%q: the names of before are lost", text)
		case more && len(n.All) < 2:
			t.Errorf("%q: could go on for ever", text)
		case err == nil && !strings.Contains(strings.ToLower(text), "subject"):
			t.Errorf("%q counts, and does not say what it is about", text)
		}
	})
}
