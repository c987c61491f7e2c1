package facts

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"mcollective/internal/run"
	"mcollective/internal/trust"
)

// maxFacter bounds facter's output. A machine with thousands of interfaces
// prints some megabytes.
const maxFacter = 16 << 20

// facterLayer runs facter from time to time.
func facterLayer(o Options) (*layer, error) {
	path := o.Facter
	if path == "" {
		var err error
		if path, err = run.Look("facter"); err != nil {
			return nil, fmt.Errorf("factsource = facter: %w; install facter or choose another factsource", err)
		}
	}
	return newLayer("facter", o, func(ctx context.Context) (Set, error) { return runFacter(ctx, o, path) }), nil
}

// runFacter takes the modern facts together with the legacy ones, which Facter
// hides; versions before 3 have only those and do not know the option. Facter
// fails as soon as it could not find out one fact, and prints the others.
func runFacter(ctx context.Context, o Options, path string) (Set, error) {
	if err := trust.Program(path, run.Look); err != nil {
		return nil, err
	}
	var first error
	for _, args := range [][]string{{"--json", "--show-legacy"}, {"--json"}} {
		out, err := output(ctx, o.FacterTimeout, maxFacter, path, args...)
		if set, bad := parseJSON(out); bad == nil && len(set) > 0 {
			return set, nil
		} else if err == nil {
			err = cmp.Or(bad, errors.New("printed no facts"))
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		first = cmp.Or(first, err)
	}
	return nil, fmt.Errorf("%s: %w", path, first)
}
