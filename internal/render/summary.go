package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"mcollective/ddl"
	"mcollective/internal/aggregate"
	"mcollective/rpc"
	"mcollective/value"
)

// A summary is one aggregate that the action asks for.
type summary struct {
	output string
	f      *aggregate.Function
	failed string // why there will be none, in Ruby's words
}

func newSummaries(action *ddl.Action) []*summary {
	list := make([]*summary, 0, len(action.Summaries))
	for _, d := range action.Summaries {
		s := &summary{output: d.Output}
		list = append(list, s)
		if action.Output(d.Output) == nil {
			s.failed = "unspecified output '" + d.Output + "' for the action"
			continue
		}
		f, err := aggregate.New(d.Function, aggregate.Options{Output: d.Output, Format: d.Format, Args: d.Options})
		if err != nil {
			s.failed = "exception raised while processing startup hook"
			continue
		}
		s.f = f
	}
	return list
}

func (s *summary) add(reply *rpc.Reply) {
	if s.failed != "" {
		return
	}
	v, _ := reply.Output(s.output)
	if err := s.f.Add(v); err != nil {
		s.failed = "exception raised while processing result data"
	}
}

// text returns what the summary comes to; "" if there was nothing to sum up.
func (s *summary) text() string {
	if s.failed != "" {
		return ""
	}
	result, err := s.f.Result()
	if err != nil {
		s.failed = "exception raised while summarizing"
		return ""
	}
	text, err := summaryLines(result)
	if err != nil {
		s.failed = err.Error()
	}
	return text
}

func summaryLines(r aggregate.Result) (string, error) {
	if r.Kind == aggregate.Numeric {
		return format(r.Format, r.Values)
	}
	if r.Format == "" {
		longest := 0
		for _, c := range r.Counts {
			longest = max(longest, length(c.Key))
		}
		r.Format = fmt.Sprintf("%%%ds = %%s", min(aligned(longest, len(r.Counts)), maxFormatWidth))
	}
	lines := make([]string, len(r.Counts))
	for i, c := range r.Counts {
		var err error
		if lines[i], err = format(r.Format, []any{c.Key, c.N}); err != nil {
			return "", err
		}
	}
	return strings.Join(lines, "\n"), nil
}

// length returns how wide Ruby takes a value to be: by its length, which for
// structures is the number of members.
func length(v any) int {
	switch v := v.(type) {
	case []any:
		return len(v)
	case *value.Map:
		return v.Len()
	}
	return utf8.RuneCountInString(Text(v))
}

// summaryText returns all summaries, those that failed last, each with an empty line
// after it.
func (r *Results) summaryText() string {
	slices.SortStableFunc(r.summaries, func(a, b *summary) int { return cmp.Compare(a.output, b.output) })
	var good, bad strings.Builder
	for _, s := range r.summaries {
		text := s.text()
		if s.failed != "" {
			fmt.Fprintf(&bad, "%s\n\n%s\n\n", r.o.paint(bold, "Summary of "+r.line(s.output)+":"),
				r.o.paint(yellow, "     Could not compute summary - "+r.line(s.failed)))
			continue
		}
		title := r.o.paint(bold, "Summary of "+r.line(r.label(s.output))+":")
		if text == "" {
			fmt.Fprintf(&good, "%s\n\n%s\n\n", title, r.o.paint(yellow, "     No aggregate summary could be computed"))
			continue
		}
		fmt.Fprintf(&good, "%s\n\n   %s\n\n", title, strings.ReplaceAll(strings.TrimRight(r.lines(text), "\n"), "\n", "\n   "))
	}
	if r.o.Verbose && good.Len() == 0 {
		return "" // as in Ruby
	}
	return good.String() + bad.String()
}
