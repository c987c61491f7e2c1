//go:build race

package filter

// raceEnabled: the race detector makes pools forget, so that memory is taken.
const raceEnabled = true
