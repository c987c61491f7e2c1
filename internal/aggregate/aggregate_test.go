package aggregate_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/aggregate"
	"mcollective/internal/subtest"
	"mcollective/value"
)

type counts = []aggregate.Count

func process(rss, vsize any) any {
	return value.NewMap(value.Symbol("rss"), rss, "vsize", vsize)
}

func TestFunctions(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(1), 70)
	for _, test := range []struct {
		name    string
		options aggregate.Options
		values  []any
		want    aggregate.Result
	}{
		{"average", aggregate.Options{Output: "cpu"}, []any{int64(1), int64(2), nil}, aggregate.Result{Format: "Average of cpu: %f", Values: []any{1.5}}},
		{"average", aggregate.Options{Format: "%d"}, []any{int64(1), int64(3)}, aggregate.Result{Format: "%d", Values: []any{int64(2)}}},
		{"Average", aggregate.Options{Output: "x"}, []any{0.5, int64(1)}, aggregate.Result{Format: "Average of x: %f", Values: []any{0.75}}},
		{"sum", aggregate.Options{Output: "x"}, []any{int64(1), 0.5, int64(2)}, aggregate.Result{Format: "Sum of x: %f", Values: []any{3.5}}},
		{"sum", aggregate.Options{Output: "x"}, nil, aggregate.Result{Format: "Sum of x: %f", Values: []any{int64(0)}}},
		{"sum", aggregate.Options{Output: "x"}, []any{huge, int64(1), new(big.Int).Neg(huge)}, aggregate.Result{Format: "Sum of x: %f", Values: []any{int64(1)}}},
		{"summary", aggregate.Options{}, []any{"a", nil, []any{"b", "a", int64(1)}, 1.0, value.Symbol("a"), []any{nil}},
			aggregate.Result{Kind: aggregate.Collection, Counts: counts{{"a", 2}, {value.Symbol("a"), 1}, {1.0, 1}, {int64(1), 1}, {"b", 1}}}},
		{"boolean_summary", aggregate.Options{Args: map[string]any{"true": "Yes"}}, []any{false, true, true, nil},
			aggregate.Result{Kind: aggregate.Collection, Format: "%5s = %s", Counts: counts{{"Yes", 2}, {"False", 1}}}},
		{"nagios_states", aggregate.Options{}, []any{int64(0), int64(2), int64(2), nil, int64(9), "x"},
			aggregate.Result{Kind: aggregate.Collection, Format: "%10s : %s", Counts: counts{{"UNKNOWN", 3}, {"CRITICAL", 2}, {"OK", 1}, {"WARNING", 0}}}},
		{"process_summary", aggregate.Options{Format: "%s %s %s %s"}, []any{[]any{process(int64(1), int64(3<<20)), process(0.5, nil)}, []any{}, nil},
			aggregate.Result{Format: "%s %s %s %s", Values: []any{int64(1), int64(2), "1.500 KB", "3.000 MB"}}},
	} {
		t.Run(subtest.Name(test.name), func(t *testing.T) {
			f, err := aggregate.New(test.name, test.options)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range test.values {
				if err := f.Add(v); err != nil {
					t.Errorf("%s of %v: %v", test.name, v, err)
				}
			}
			got, err := f.Result()
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%s of %v: %v\n%s", test.name, test.values, err, diff)
			}
		})
	}
}

func TestWhatCannotBeSummedUp(t *testing.T) {
	for name, v := range map[string]any{
		"average": "1", "sum": true, "boolean_summary": "true", "process_summary": []any{int64(1)}, "summary": make(chan int),
	} {
		t.Run(name, func(t *testing.T) {
			f, err := aggregate.New(name, aggregate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if f.Add(v) == nil {
				t.Errorf("%s takes %v", name, v)
			}
		})
	}
	f, _ := aggregate.New("average", aggregate.Options{})
	if r, err := f.Result(); err == nil {
		t.Errorf("the average of nothing is %v", r)
	}
	if _, err := aggregate.New("median", aggregate.Options{}); err == nil || !strings.Contains(err.Error(), `unknown aggregate function "median"; there are average`) {
		t.Error(err)
	}
}

func ExampleFunction() {
	f, err := aggregate.New("summary", aggregate.Options{Output: "release"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, release := range []any{"12", "11", "12"} {
		if err := f.Add(release); err != nil {
			fmt.Println(err)
		}
	}
	r, _ := f.Result()
	for _, c := range r.Counts {
		fmt.Println(c.N, c.Key)
	}
	// Output:
	// 2 12
	// 1 11
}
