package agent

// A Problem is a file that did not become an agent, and why.
type Problem struct {
	Agent string // its name, as far as there is one
	Path  string
	Err   error
}

// Error returns the path and the reason.
func (p Problem) Error() string { return p.Path + ": " + p.Err.Error() }
