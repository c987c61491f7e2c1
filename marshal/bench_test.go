package marshal

import "testing"

import "mcollective/value"

func inventoryBody(b *testing.B) []byte {
	outer, err := ReplyPolicy.Unmarshal(captured(b, "inventory.reply.bin"))
	if err != nil {
		b.Fatal(err)
	}
	body, _ := outer.(*value.Map).Get(value.Symbol("body"))
	return []byte(body.(value.Binary))
}

// See also bench/marshal, which compares with Ruby.
func BenchmarkDecode(b *testing.B) {
	body := inventoryBody(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReplyPolicy.Unmarshal(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	body := inventoryBody(b)
	x, err := ReplyPolicy.Unmarshal(body)
	if err != nil {
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
