package marshal

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"mcollective/internal/waittest"
)

// An oracle is a Ruby process that testdata/oracle.rb makes random values in
// and loads bytes.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func startOracle(t *testing.T) *oracle {
	t.Helper()
	if testing.Short() {
		t.Skip("compares with a live Ruby; not in -short")
	}
	ruby, err := exec.LookPath("ruby")
	if err != nil {
		t.Skip("no ruby in PATH: install Ruby 3.1 (Debian package ruby) to compare with it")
	}
	cmd := exec.CommandContext(waittest.Within(t, 5*time.Minute), ruby, filepath.Join("testdata", "oracle.rb"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("ruby: %v", err)
		}
	})
	return &oracle{in, bufio.NewReaderSize(out, 1<<16)}
}

// ask sends a batch of operations and returns the answers: a dump, or an error
// with what Ruby raised.
func (o *oracle) ask(t *testing.T, items [][]byte) []answer {
	t.Helper()
	out := binary.BigEndian.AppendUint32(nil, uint32(len(items)))
	for _, i := range items {
		out = binary.BigEndian.AppendUint32(out, uint32(len(i)))
		out = append(out, i...)
	}
	if _, err := o.in.Write(out); err != nil {
		t.Fatalf("ruby: %v", err)
	}
	if n := o.uint32(t); n != len(items) {
		t.Fatalf("ruby: %d answers to %d questions", n, len(items))
	}
	answers := make([]answer, len(items))
	for i := range answers {
		b := make([]byte, o.uint32(t))
		if _, err := io.ReadFull(o.out, b); err != nil {
			t.Fatalf("ruby: %v", err)
		}
		if b[0] == '+' {
			answers[i].dump = b[1:]
		} else {
			answers[i].raised = string(b[1:])
		}
	}
	return answers
}

type answer struct {
	dump   []byte
	raised string
}

func (o *oracle) uint32(t *testing.T) int {
	t.Helper()
	var b [4]byte
	if _, err := io.ReadFull(o.out, b[:]); err != nil {
		t.Fatalf("ruby: %v", err)
	}
	return int(binary.BigEndian.Uint32(b[:]))
}

func load(b []byte) []byte { return append([]byte{'L'}, b...) }

func makeValue(op byte, seed int) []byte { return fmt.Appendf(nil, "%c%d", op, seed) }

// diffN is how many values each comparison takes: MARSHAL_DIFF_N, or few enough
// for every run of the tests.
func diffN(t *testing.T) int {
	t.Helper()
	s := os.Getenv("MARSHAL_DIFF_N")
	if s == "" {
		return 1500
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("MARSHAL_DIFF_N=%q: %v", s, err)
	}
	return n
}

// diffSeed is where the random values begin: MARSHAL_DIFF_SEED, or 1.
func diffSeed(t *testing.T) int {
	t.Helper()
	s := os.Getenv("MARSHAL_DIFF_SEED")
	if s == "" {
		return 1
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("MARSHAL_DIFF_SEED=%q: %v", s, err)
	}
	return n
}
