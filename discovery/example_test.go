package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mcollective/discovery"
	"mcollective/filter"
)

// Nodes from a list that is piped in, of which a filter takes some.
func ExampleStdin() {
	web, err := filter.ParseIdentity("/^web/")
	if err != nil {
		fmt.Println(err)
		return
	}
	var method discovery.Method = discovery.Stdin{Reader: strings.NewReader("web1\ndb1\nweb2\n")}
	nodes, err := method.Discover(context.Background(), discovery.Query{Filter: filter.Filter{Identities: []filter.Pattern{web}}})
	fmt.Println(nodes, err)

	// A list knows names and nothing else, so any other filter is refused, not ignored.
	kernel, err := filter.ParseFact("kernel=Linux")
	if err != nil {
		fmt.Println(err)
		return
	}
	method = discovery.Stdin{Reader: strings.NewReader("web1\n")}
	_, err = method.Discover(context.Background(), discovery.Query{Filter: filter.Filter{Facts: []filter.Fact{kernel}}})
	fmt.Println(err)
	// Output:
	// [web1 web2] <nil>
	// cannot use fact filters while using the 'stdin' discovery method, which knows only names
}

// inventory is a method of somebody's own.
type inventory map[string][]string // the nodes of each class

func (m inventory) Discover(_ context.Context, q discovery.Query) ([]string, error) {
	if len(q.Filter.Classes) != 1 || q.Filter.Classes[0].Regexp || len(q.Filter.Facts)+len(q.Filter.Compound) > 0 {
		return nil, errors.New("the inventory knows one class at a time, and nothing else") // never more nodes than were asked for
	}
	return m[q.Filter.Classes[0].Text], nil
}

func ExampleMethod() {
	var method discovery.Method = inventory{"web": {"web1", "web2"}}
	nodes, err := method.Discover(context.Background(), discovery.Query{Filter: filter.Filter{Classes: []filter.Pattern{{Text: "web"}}}})
	fmt.Println(nodes, err)
	// Output: [web1 web2] <nil>
}
