package cli

import (
	"maps"
	"slices"
)

// SortedKeys returns the keys of a map, sorted.
func SortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Sorted returns a sorted copy.
func Sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
