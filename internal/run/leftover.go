package run

import "time"

// A Leftover is a program that an earlier process left running because it was
// killed.
type Leftover struct {
	For       string // what it was run for, as its Command said
	Path      string
	PID       int
	Began     time.Time
	Protected bool // is left to finish, or it started this process

	Err error // why nothing else is known of it, if its record cannot be read

	record record
	file   string
}

// A record is what is on disk of a program while it runs.
type record struct {
	PID        int       `json:"pid"`
	Start      uint64    `json:"start"` // of its process, in ticks since the boot: no other of that number has it
	Boot       string    `json:"boot"`  // of the machine and the namespace that the number is of
	Mark       uint64    `json:"mark"`
	UID        int       `json:"uid"`
	Path       string    `json:"path"`
	For        string    `json:"for"`
	Began      time.Time `json:"began"`
	Background bool      `json:"background"`
	Protected  bool      `json:"protected"`
}
