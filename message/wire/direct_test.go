package wire

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"mcollective/filter"
	"mcollective/marshal"
	"mcollective/message"
)

// generalRequest and generalReply decode without the short way.
func generalRequest(data string) (*Request, error) {
	var f fields
	if err := f.decode(Marshal, data, requestEnvelope); err != nil {
		return nil, err
	}
	return Marshal.requestOf(&f, fieldHash)
}

func generalReply(data string) (*Reply, error) {
	var f fields
	if err := f.decode(Marshal, data, replyEnvelope); err != nil {
		return nil, err
	}
	return replyOf(&f, fieldHash)
}

// agree holds the short way to the general one and tells which messages took it.
func agree(t *testing.T, data string) (request, reply, body bool) {
	t.Helper()
	quick, request := directRequest(data)
	if slow, err := generalRequest(data); request && (err != nil || !reflect.DeepEqual(quick, slow)) {
		t.Fatalf("request\n%+v\nbut in the general way (%v)\n%+v\n%q", quick, err, slow, data)
	}
	quickReply, reply := directReply(data)
	if slow, err := generalReply(data); reply && (err != nil || !reflect.DeepEqual(quickReply, slow)) {
		t.Fatalf("reply\n%+v\nbut in the general way (%v)\n%+v\n%q", quickReply, err, slow, data)
	}
	for _, p := range []*marshal.Policy{requestBody, replyBody} {
		quick, ok := directBody(data, p)
		if slow, err := p.Unmarshal([]byte(data)); ok && (err != nil || !reflect.DeepEqual(quick, slow)) {
			t.Fatalf("body\n%#v\nbut in the general way (%v)\n%#v\n%q", quick, err, slow, data)
		}
		body = body || ok
	}
	return request, reply, body
}

// pings are Ruby's and ours.
func pings(t testing.TB) (list []string) {
	files, _ := filepath.Glob("../../security/psk/testdata/psk*/ping.*.bin")
	if len(files) < 4 {
		t.Fatalf("%d captures", len(files))
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(data))
	}
	r := &Request{Hash: strings.Repeat("0", 32), Body: "\x04\bI\"\tping\x06:\x06ET", Header: message.Request{
		ID: "0f4b21c83ad6506c9c2b61e07d5a94f8", Collective: "eu.mcollective", Agent: "discovery", Caller: "uid=0",
		Time: time.Unix(1<<29, 0), TTL: time.Minute, Filter: filter.Filter{
			Facts:   []filter.Fact{{Name: "größe", Operator: "<=", Value: "9"}, {Name: "os", Operator: "==", Value: strings.Repeat("x", 300)}},
			Classes: []filter.Pattern{{Text: "a"}, {Text: "/b/"}}, Agents: []filter.Pattern{{Text: "rpcutil"}}, Identities: []filter.Pattern{{Text: "n1"}},
			Collective: "eu.mcollective",
		}}}
	for range 2 {
		data, err := Marshal.EncodeRequest(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(data))
		r.Header.Filter = filter.Filter{}
	}
	for _, reason := range []message.Reason{"", message.Denied} {
		data, err := Marshal.EncodeReply(&Reply{Hash: r.Hash, Body: r.Body, Header: message.Reply{
			RequestID: r.Header.ID, Sender: "n1", Agent: "rpcutil", Time: r.Header.Time, Reason: reason}})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(data))
	}
	return append(list, r.Body, "\x04\bI\"\tpong\x06:\x06EF")
}

// TestDirectIsTaken: the short way is worth nothing if messages do not take it.
func TestDirectIsTaken(t *testing.T) {
	for _, data := range pings(t) {
		if request, reply, body := agree(t, data); !request && !reply && !body {
			t.Errorf("goes the general way: %q", data)
		}
	}
}

// FuzzDirect: what the short way takes the general one takes, as the same.
func FuzzDirect(f *testing.F) {
	for _, data := range pings(f) {
		f.Add(data)
	}
	for _, cut := range [][2]string{
		{":\nagent", ":\nagenx"}, {":\nagentI", ":\x10senderagentI"}, {":\bttl", ":\tttll"}, {"\x06;\x06T", "\x06;\x06F"},
		{"uid=", "uid\xff"}, {"I\"\x0fdiscovery\x06;\x06T", "\"\x0fdiscovery"}, {"mcollective", "m.\xffllective"},
		{"cf_class", "fact\x06xxx"}, {"[\x00", "[\x060"}, {":\thash", ":\tbody"}, {"i\x41", "0"},
		{"identity", "identitx"}, {"\a<=", "\a<<"}, {":\nvalue", ":\tfact"}, {":\x06E", ":\x06e"}, {"denied", "Denied"}, {":\vreason", ":\vreasom"}, {"\x06:\x06ET", "\x00"},
	} {
		for _, data := range pings(f) {
			if strings.Contains(data, cut[0]) {
				f.Add(strings.Replace(data, cut[0], cut[1], 1))
			}
		}
	}
	f.Fuzz(func(t *testing.T, data string) { agree(t, data) })
}

// TestDirectWrites: a reply's bytes are those of its tree.
func TestDirectWrites(t *testing.T) {
	for _, n := range []int{0, 1, 122, 123, 255, 256, 70_000} {
		for _, at := range []int64{0, 1, 122, 123, 1<<30 - 1, 1 << 30, 1795336394, maxTime} {
			r := &Reply{Body: strings.Repeat("\xff", n), Hash: strings.Repeat("a", n%300), Header: message.Reply{
				RequestID: strings.Repeat("7", 1+n%128), Sender: strings.Repeat("s", 1+n%255), Agent: "discovery", Time: time.Unix(at, 0)}}
			quick, err := Marshal.EncodeReply(r)
			if err != nil {
				t.Fatal(err)
			}
			slow, err := marshal.Marshal(Marshal.replyTree(r))
			if err != nil || !bytes.Equal(quick, slow) {
				t.Fatalf("%d bytes at %d: %v\n%q\nbut its tree is\n%q", n, at, err, quick, slow)
			}
		}
	}
}
