package filter_test

import (
	"context"
	"errors"
	"fmt"

	"mcollective/filter"
)

func ExampleParseCompound() {
	c, err := filter.ParseCompound("(web or /^db/) and os != Linux")
	fmt.Println(c, err)
	// Output: (web or /^db/) and not os=Linux <nil>
}

func ExampleParseError_Caret() {
	_, err := filter.ParseFact("two words=x")
	if e, ok := errors.AsType[*filter.ParseError](err); ok {
		fmt.Println(e)
		fmt.Println(e.Caret())
	}
	// Output:
	// fact filter "two words=x" at character 4: a fact name cannot hold blanks; only name=/regexp/ takes such names
	// two words=x
	//    ^
}

// machine answers what a filter asks of a node.
type machine struct {
	name  string
	facts map[string]any
}

func (m machine) Identity() string             { return m.name }
func (m machine) Agents() []string             { return []string{"rpcutil"} }
func (m machine) Classes() []string            { return []string{"web"} }
func (m machine) Fact(name string) (any, bool) { v, ok := m.facts[name]; return v, ok }
func (m machine) Data(context.Context, string, string) (map[string]any, error) {
	return nil, errors.New("there are no data plugins in this example")
}

// Does a node match? An error says why not, and never comes with a match.
func ExampleFilter_Match() {
	web1 := machine{"web1", map[string]any{"os": map[string]any{"name": "Debian", "major": "12"}}}
	for _, text := range []string{"os.name=Debian", "os.major>12", "os.name=/(/"} {
		fact, err := filter.ParseFact(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		f := filter.Filter{Facts: []filter.Fact{fact}}
		ok, err := f.Match(context.Background(), web1, filter.Rules{})
		fmt.Println(text, ok, err)
	}
	// Output:
	// os.name=Debian true <nil>
	// os.major>12 false <nil>
	// fact filter "os.name=/(/" at character 9: the regular expression "(" is broken: a parenthesis is not closed
}
