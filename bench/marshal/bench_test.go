package bench

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mcollective/internal/dirtest"
	"mcollective/marshal"
	"mcollective/value"
)

func BenchmarkInventoryReply(b *testing.B) {
	reply := captured(b, "inventory.reply.bin")
	outer, err := marshal.ReplyPolicy.Unmarshal(reply)
	if err != nil {
		b.Fatal(err)
	}
	inner, _ := outer.(*value.Map).Get(value.Symbol("body"))
	body := []byte(inner.(value.Binary))
	tree, err := marshal.ReplyPolicy.Unmarshal(body)
	if err != nil {
		b.Fatal(err)
	}
	r := startRuby(b)
	b.Run("decode", func(b *testing.B) {
		against(b, r, "load", body, func() error {
			_, err := marshal.ReplyPolicy.Unmarshal(body)
			return err
		})
	})
	// The decoder keeps short strings that come again. Here no value does.
	fresh := strangers(b, tree)
	next := 0
	b.Run("decode-fresh", func(b *testing.B) {
		against(b, r, "load", body, func() error {
			next++
			_, err := marshal.ReplyPolicy.Unmarshal(fresh[next%len(fresh)])
			return err
		})
	})
	var dst []byte
	b.Run("encode", func(b *testing.B) {
		against(b, r, "dump", body, func() (err error) {
			dst, err = marshal.AppendMarshal(dst[:0], tree)
			return err
		})
	})
	b.Run("encode-new", func(b *testing.B) {
		against(b, r, "dump", body, func() error {
			_, err := marshal.Marshal(tree)
			return err
		})
	})
	v, err := marshal.DefaultPolicy.UnmarshalValue(body)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode-value", func(b *testing.B) {
		against(b, r, "load", body, func() error {
			_, err := marshal.ReplyPolicy.UnmarshalValue(body)
			return err
		})
	})
	b.Run("encode-value", func(b *testing.B) {
		against(b, r, "dump", body, func() (err error) {
			dst, err = marshal.AppendMarshal(dst[:0], v)
			return err
		})
	})
}

func BenchmarkPingRequest(b *testing.B) {
	in := captured(b, "ping.request.bin")
	tree, err := marshal.EnvelopePolicy.Unmarshal(in)
	if err != nil {
		b.Fatal(err)
	}
	r := startRuby(b)
	b.Run("decode", func(b *testing.B) {
		against(b, r, "load", in, func() error {
			_, err := marshal.EnvelopePolicy.Unmarshal(in)
			return err
		})
	})
	var dst []byte
	b.Run("encode", func(b *testing.B) {
		against(b, r, "dump", in, func() (err error) {
			dst, err = marshal.AppendMarshal(dst[:0], tree)
			return err
		})
	})
}

// strangers returns many encodings of the tree with other strings of the same
// lengths for values.
func strangers(b *testing.B, tree any) [][]byte {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var other func(v any) any
	other = func(v any) any {
		switch v := v.(type) {
		case string:
			text := make([]byte, len(v))
			for i := range text {
				text[i] = byte('a' + random.IntN(26))
			}
			return string(text)
		case []any:
			list := make([]any, len(v))
			for i := range v {
				list[i] = other(v[i])
			}
			return list
		case *value.Map:
			h := value.NewMap()
			for k, w := range v.All() {
				h.Set(k, other(w))
			}
			return h
		}
		return v
	}
	all := make([][]byte, 500)
	for i := range all {
		data, err := marshal.Marshal(other(tree))
		if err != nil {
			b.Fatal(err)
		}
		all[i] = data
	}
	return all
}

func captured(b *testing.B, name string) []byte {
	b.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "marshal", "testdata", name))
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// against times op and the same in Ruby on data.
func against(b *testing.B, r *ruby, operation string, data []byte, op func() error) {
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := op(); err != nil {
			b.Fatal(err)
		}
	}
	ours, theirs := best(b, op), r.time(b, operation, data)
	b.ReportMetric(ours, "cpu-ns/op")
	b.ReportMetric(theirs, "ruby-ns/op")
	b.ReportMetric(theirs/ours, "x-ruby")
}

// best returns the nanoseconds of processor time per call of op: the best of 5
// rounds of 200 ms, as ruby.rb measures. A round is long enough for either
// garbage collector to do its share in it.
func best(b *testing.B, op func() error) float64 {
	b.Helper()
	round := func(n int) float64 {
		start := processorTime(b)
		for range n {
			if err := op(); err != nil {
				b.Fatal(err)
			}
		}
		return float64(processorTime(b)-start) / float64(n)
	}
	n := int(200e6/round(2000)) + 1
	least := round(n)
	for range 4 {
		least = min(least, round(n))
	}
	return least
}

// processorTime is what this process has used so far, garbage collection
// included, on all processors.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A ruby runs ruby.rb.
type ruby struct {
	in  io.Writer
	out *bufio.Reader
}

func startRuby(b *testing.B) *ruby {
	b.Helper()
	path, err := exec.LookPath("ruby")
	if err != nil {
		b.Skip("no ruby in PATH to compare with")
	}
	cmd := exec.Command(path, "ruby.rb")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	return &ruby{in, bufio.NewReader(out)}
}

// time returns the nanoseconds that one call takes.
func (r *ruby) time(b *testing.B, operation string, data []byte) float64 {
	b.Helper()
	file := filepath.Join(dirtest.New(b), "dump")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(r.in, "%s %s\n", operation, file)
	line, err := r.out.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	ns, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err != nil {
		b.Fatal(err)
	}
	return ns
}
