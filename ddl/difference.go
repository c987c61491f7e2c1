package ddl

import (
	"fmt"
	"reflect"
	"slices"
)

// maxPhrases is how many differences are named.
const maxPhrases = 5

// differences says in short what is otherwise in another definition of an action
// that both have. Descriptions do not count.
func (d *Definition) differences(other *Definition, action string) []string {
	a, b := d.Action(action), other.Action(action)
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if a.Destructive != b.Destructive {
		add("it %s", either(b.Destructive, "changes things", "does not say that it changes things"))
	}
	if a.Noop != b.Noop {
		add("it %s noop", either(b.Noop, "knows", "does not know"))
	}
	if a.OtherInputs != b.OtherInputs {
		add("it takes %s", either(b.OtherInputs, "other inputs, too", "no other inputs"))
	}
	if t, was := other.timeout(action), d.timeout(action); t != was {
		add("it may take %v instead of %v", t, was)
	}
	for _, in := range a.Inputs {
		if b.Input(in.Name) == nil {
			add("there is no input %s", in.Name)
		}
	}
	for _, in := range b.Inputs {
		add := func(format string, args ...any) { add("input %s "+format, append([]any{in.Name}, args...)...) }
		was := a.Input(in.Name)
		switch {
		case was == nil:
			add("is new%s", either(in.needed(), " and required", ""))
		case was.needed() != in.needed():
			add("%s", either(in.needed(), "is required", "may be left out"))
		case was.Type != in.Type || was.MaxLength != in.MaxLength || !reflect.DeepEqual(was.Validation, in.Validation) || !reflect.DeepEqual(was.List, in.List):
			add("is checked differently")
		case !reflect.DeepEqual(was.Default, in.Default):
			add("has another default")
		case was.Sensitive != in.Sensitive:
			add("is %ssensitive", either(in.Sensitive, "", "not "))
		}
	}
	if a.Display != b.Display || !sameNames(a.Outputs, b.Outputs) || !reflect.DeepEqual(a.Summaries, b.Summaries) {
		add("its results are other ones or shown differently")
	}
	if more := len(all) - maxPhrases; more > 0 {
		all = append(all[:maxPhrases], fmt.Sprintf("and %d more", more))
	}
	return all
}

// needed reports whether the caller has to give the input.
func (in *Input) needed() bool { return !in.Optional && in.Default == nil }

func sameNames(a, b []*Output) bool {
	return slices.EqualFunc(a, b, func(a, b *Output) bool { return a.Name == b.Name })
}

func either(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}
