package rpcutil

import (
	"path/filepath"

	"mcollective/internal/config"
	"mcollective/value"
)

// Item returns the value of a configuration key as get_config_item answers it, for
// the keys that anybody may know. No secret is among them.
func Item(c *config.Config, name string) (any, bool) {
	// What Ruby's daemon has beside the keys of the file.
	switch name {
	case "configdir":
		return filepath.Dir(c.File), true
	case "configfile":
		return c.File, true
	case "configured":
		return true, true
	case "mode":
		return value.Symbol("server"), true
	}
	return c.Public(name)
}
