package cli

import (
	"fmt"
	"io"
	"sync"
)

// A keptOutput is standard output that remembers whether it took everything. A
// command whose output is lost has not succeeded, whether it looks at each write or not.
type keptOutput struct {
	io.Writer

	mu  sync.Mutex
	err error // of the first write that failed
}

// Write writes p.
func (k *keptOutput) Write(p []byte) (int, error) {
	n, err := k.Writer.Write(p)
	if err != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.err == nil {
			k.err = err
		}
	}
	return n, err
}

// lost returns why output was lost, nil if none was.
func (k *keptOutput) lost() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return fmt.Errorf("write the output: %w", k.err)
	}
	return nil
}
