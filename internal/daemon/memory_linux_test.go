package daemon

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const smaps = `00400000-00a00000 r-xp 00000000 08:01 1234                               /usr/bin/mco
Size:               6144 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00a00000-00c00000 r--p 00600000 08:01 1234                               /usr/bin/mco
Anonymous:             0 kB
00c00000-00d00000 r--p 00800000 08:01 1234                               /usr/bin/mco
Anonymous:             8 kB
00d00000-00e00000 rw-p 00900000 08:01 1234                               /usr/bin/mco
Anonymous:             0 kB
7f0000000000-7f0000100000 r--p 00000000 08:01 99                         /lib/libc.so
Anonymous:             0 kB
7f0000200000-7f0000300000 rw-p 00000000 00:00 0 
Anonymous:          1024 kB
7ffe00000000-7ffe00001000 r--p 00000000 00:00 0                          [vvar]
Anonymous:             0 kB
`

func TestOnlyCleanPagesAreReleased(t *testing.T) {
	got := slices.Collect(cleanMappings(strings.NewReader(smaps), "/usr/bin/mco"))
	want := []mapping{{0x400000, 0xa00000}, {0xa00000, 0xc00000}}
	if !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	for range cleanMappings(strings.NewReader(smaps), "/usr/bin/mco") {
		break // stopping early is fine
	}
}

// TestReleaseProgram lives on after it, which is the point.
func TestReleaseProgram(t *testing.T) {
	before := resident(t)
	if err := ReleaseProgram(); err != nil {
		t.Fatal(err)
	}
	if after := resident(t); after >= before {
		t.Errorf("%d KB of the program in memory before, %d KB after", before, after)
	}
}

func resident(t *testing.T) (kb int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "RssFile:") {
			for _, c := range line {
				if c >= '0' && c <= '9' {
					kb = kb*10 + int(c-'0')
				}
			}
		}
	}
	return kb
}
