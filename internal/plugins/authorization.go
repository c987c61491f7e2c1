package plugins

import (
	"errors"
	"fmt"
	"path/filepath"

	"mcollective/internal/authorization"
	"mcollective/internal/config"
	"mcollective/internal/facts"
)

// Policies returns the policies that the configuration switches on, or nil. They are asked
// about a machine with these facts and classes.
func Policies(cfg *config.Config, f *facts.Facts, classes *facts.Classes) (*authorization.Policies, error) {
	if !cfg.RPCAuthorization {
		return nil, nil
	}
	unconfigured, err := cfg.PluginBool("actionpolicy.allow_unconfigured", false)
	useDefault, err2 := cfg.PluginBool("actionpolicy.enable_default", false)
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	p, err := authorization.New(authorization.Options{
		Dir:               filepath.Join(cfg.Directory(), "policies"),
		AllowUnconfigured: unconfigured,
		EnableDefault:     useDefault,
		DefaultName:       cfg.PluginString("actionpolicy.default_name", "default"),
		Unknown: func() error {
			if f.Updated().IsZero() {
				return errors.New("the facts of this node are not known")
			}
			return classes.Err()
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%s: rpcauthorization: %w", cfg.Origin("rpcauthorization"), err)
	}
	return p, nil
}
