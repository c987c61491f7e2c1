package marshal

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// agree decodes in as Unmarshal does and in the general way, which must come to
// the same.
func agree(t *testing.T, p *Policy, in []byte) (direct bool) {
	t.Helper()
	before := envelope{SenderID: "stays", Filter: filterHash{Class: []string{"stays"}}}
	a, b, c := before, before, before
	errA := p.Unmarshal(in, &a)
	x, errB := p.decode(in, false)
	if errB == nil {
		errB = assign(reflect.ValueOf(&b).Elem(), x)
	}
	if (errA == nil) != (errB == nil) || errA != nil && errA.Error() != errB.Error() {
		t.Fatalf("%v, but in the general way %v\n%q", errA, errB, in)
	}
	if errA == nil && !reflect.DeepEqual(a, b) && !same(a, b) {
		t.Fatalf("%+v\nbut in the general way\n%+v\n%q", a, b, in)
	}
	return p.direct(in, reflect.ValueOf(&c).Elem())
}

func TestDirect(t *testing.T) {
	in := captured(t, "ping.request.bin")
	if !agree(t, &EnvelopePolicy, in) {
		t.Error("a captured request takes the long way")
	}
	for _, c := range []string{
		"\x04\x080", "\x04\x08[\x00", "\x04\x08{\x00", "\x04\x08{\x000", "\x04\x08{\x06:\x0aagent0",
		"\x04\x08{\x07:\x0aagent\"\x06a;\x00\"\x06b",                                    // a repeated key
		"\x04\x08{\x07:\x0aagent\"\x06a:\x0dcallerid@\x06",                              // a link to a field
		"\x04\x08{\x07:\x09body\"\x06a:\x0bfilter{\x06I\"\x09fact\x06:\x06ET[\x06@\x00", // to the whole
		"\x04\x08{\x06:\x09ttll+\x07\x00\x00\x00\x01", "\x04\x08{\x06:\x09ttli\x06x",
		"\x04\x08{\x06:\x0cmsgtimel+\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00",
		"\x04\x08{\x06:\x0aagentI\"\x06a\x06:\x07@xT", "\x04\x08{\x06:\x0aother[\x06i\x06",
	} {
		for _, p := range []*Policy{&EnvelopePolicy, &ReplyPolicy} {
			agree(t, p, []byte(c))
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	direct := 0
	for range 4000 {
		if agree(t, &ReplyPolicy, mutate(r, in, in)) {
			direct++
		}
	}
	if direct < 200 {
		t.Errorf("only %d of 4000 mutations took the short way", direct)
	}
}
