//go:build !unix

package puppet

import "errors"

func wake(int) error { return errors.ErrUnsupported }
