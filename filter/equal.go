package filter

import (
	"reflect"
	"slices"
)

// Empty reports whether the filter has no entry. Collective is none.
func (f *Filter) Empty() bool {
	return len(f.Facts)+len(f.Classes)+len(f.Agents)+len(f.Identities)+len(f.Compound) == 0
}

// Equal reports whether two filters say the same in the same order. A missing
// list equals an empty one.
func (f *Filter) Equal(g *Filter) bool {
	return slices.Equal(f.Facts, g.Facts) && slices.Equal(f.Classes, g.Classes) &&
		slices.Equal(f.Agents, g.Agents) && slices.Equal(f.Identities, g.Identities) &&
		slices.EqualFunc(f.Compound, g.Compound, Compound.Equal) &&
		f.Collective == g.Collective && f.Irregular == g.Irregular
}

// Equal reports whether two expressions have the same terms.
func (c Compound) Equal(d Compound) bool {
	return slices.EqualFunc(c, d, func(a, b Term) bool {
		return a.Kind == b.Kind && a.Text == b.Text && reflect.DeepEqual(a.Call, b.Call)
	})
}
