package client_test

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/client"
	"mcollective/internal/subtest"
)

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i + 1)
	}
	return names
}

// TestSeedsAreRubys compares with what the real thing picked; testdata/limit.rb
// made the list.
func TestSeedsAreRubys(t *testing.T) {
	f, err := os.Open("testdata/limit.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, bad := 0, 0
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		lines++
		question, answer, _ := strings.Cut(s.Text(), ": ")
		fields := strings.Fields(question)
		seed, err := strconv.ParseUint(fields[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		l := client.Limit{Random: true, Seed: &seed}
		digits, percent := strings.CutSuffix(fields[2], "%")
		number, err := strconv.Atoi(digits)
		if err != nil {
			t.Fatal(err)
		}
		if l.Count = number; percent {
			l.Count, l.Percent = 0, float64(number)
		}
		names := numbered(n)
		slices.Reverse(names) // the order in which nodes were found makes no difference
		if n == 1 {
			names = numbered(1)
		}
		if got := strings.Join(l.Pick(names), " "); got != answer && bad < 10 {
			t.Errorf("%s: got %s, want %s", question, got, answer)
			bad++
		}
	}
	if lines < 300 {
		t.Errorf("only %d lines", lines)
	}
}

func TestLimit(t *testing.T) {
	nodes := numbered(10)
	for _, tc := range []struct {
		limit client.Limit
		want  int
	}{
		{client.Limit{}, 10}, {client.Limit{Random: true}, 10}, {client.Limit{Count: 3}, 3}, {client.Limit{Count: 11}, 10},
		{client.Limit{Percent: 35}, 3}, {client.Limit{Percent: 1}, 1}, {client.Limit{Percent: 100}, 10}, {client.Limit{Percent: 250}, 10},
	} {
		t.Run(subtest.Name(tc.limit), func(t *testing.T) {
			if got := tc.limit.Pick(nodes); cmp.Diff(nodes[:tc.want], got) != "" {
				t.Errorf("%+v: %v", tc.limit, got)
			}
			if got := tc.limit.Pick(nil); len(got) != 0 {
				t.Errorf("%+v of nobody: %v", tc.limit, got)
			}
			tc.limit.Random = true
			got := slices.Sorted(slices.Values(tc.limit.Pick(nodes)))
			if len(slices.Compact(got)) != tc.want {
				t.Errorf("%+v: %v", tc.limit, got)
			}
		})
	}
	if diff := cmp.Diff(numbered(10), nodes); diff != "" {
		t.Errorf("the list was changed:\n%s", diff)
	}
	first := map[string]bool{}
	for range 1000 {
		first[client.Limit{Count: 1, Random: true}.Pick(nodes)[0]] = true
	}
	if len(first) != 10 {
		t.Errorf("in a thousand draws only %v came first", first)
	}
}

func ExampleLimit() {
	seed := uint64(5)
	nodes := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}
	fmt.Println(client.Limit{Count: 3, Random: true, Seed: &seed}.Pick(nodes))
	// Output: [3 7 8]
}
