package marshal

import "testing"

func inventoryBody(b *testing.B) []byte {
	var outer struct {
		Body Binary `marshal:"body,symbol"`
	}
	if err := ReplyPolicy.Unmarshal(captured(b, "inventory.reply.bin"), &outer); err != nil {
		b.Fatal(err)
	}
	return []byte(outer.Body)
}

// See also bench/marshal, which compares with Ruby.
func BenchmarkDecode(b *testing.B) {
	body := inventoryBody(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var x any
		if err := ReplyPolicy.Unmarshal(body, &x); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	body := inventoryBody(b)
	var x any
	if err := ReplyPolicy.Unmarshal(body, &x); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		var err error
		if dst, err = AppendMarshal(dst[:0], x); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeStruct(b *testing.B) {
	in := captured(b, "ping.request.bin")
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		var env envelope
		if err := EnvelopePolicy.Unmarshal(in, &env); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeStruct(b *testing.B) {
	var env envelope
	if err := EnvelopePolicy.Unmarshal(captured(b, "ping.request.bin"), &env); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		var err error
		if dst, err = AppendMarshal(dst[:0], &env); err != nil {
			b.Fatal(err)
		}
	}
}
