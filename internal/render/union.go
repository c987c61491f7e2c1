package render

import (
	"fmt"

	"mcollective/value"
)

// mostColumns is how many columns the answers of nodes may make. Each is in the
// line of every node.
const mostColumns = 1000

// A union is the names of the outputs that some of the nodes gave.
type union struct {
	names []string
	seen  map[string]bool
	room  int             // for so many more
	over  map[string]bool // what there is no room for; as many are told apart as there may be columns
}

// newUnion begins with the names that a definition has.
func newUnion(names []string) *union {
	u := &union{names: append([]string{}, names...), seen: make(map[string]bool, len(names)), room: mostColumns, over: map[string]bool{}}
	for _, n := range names {
		u.seen[n] = true
	}
	return u
}

// add adds the names of the outputs of a reply that are not there.
func (u *union) add(data *value.Map) {
	for k := range data.All() {
		name := Text(k)
		switch {
		case u.seen[name]:
		case u.room > 0:
			u.room--
			u.seen[name] = true
			u.names = append(u.names, name)
		case len(u.over) < mostColumns:
			u.over[name] = true
		}
	}
}

// close returns the names, and says if they are not all.
func (u *union) close(r *Results) []string {
	if n := len(u.over); n > 0 {
		r.complain(fmt.Sprintf("the nodes gave more than %d outputs, for which there are no more columns; --fields picks some, -o jsonl shows all", mostColumns))
	}
	return u.names
}

// outputs returns the outputs of a reply by name: to look for one after the other in
// the reply takes long if there are many.
func outputs(data *value.Map) map[string]any {
	all := make(map[string]any, data.Len())
	for k, v := range data.All() {
		name := Text(k)
		_, there := all[name]
		if _, symbol := k.(value.Symbol); symbol || !there {
			all[name] = v
		}
	}
	return all
}
