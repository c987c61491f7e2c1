package errwrap

import (
	"errors"
	"fmt"
)

type own struct{}

func (*own) Error() string { return "own" }

func wrap(err error, o *own, n int) []error {
	return []error{
		fmt.Errorf("read %d: %w", n, err),
		fmt.Errorf("read %d: %v", n, err),             // want `the cause is formatted by %v`
		fmt.Errorf("%5.*f%% %s %w", n, 1.0, err, err), // want `the cause is formatted by %s`
		fmt.Errorf("%[2]q after %[1]d", n, o),         // want `the cause is formatted by %q`
		fmt.Errorf("%[1]w, and once more %[1]v", err),
		fmt.Errorf("%T is no error", err),
		fmt.Errorf("it says %s", err.Error()),
		errors.New(fmt.Sprint(err)),
		fmt.Errorf("broken off: %v", err), //lint:allow errwrap what it was means nothing to the caller
	}
}
