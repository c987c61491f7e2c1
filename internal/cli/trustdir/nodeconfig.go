package trustdir

import (
	"fmt"
	"path/filepath"
	"strings"

	"mcollective/internal/cli"
	"mcollective/internal/config"
	"mcollective/internal/usage"
)

// NodeConfig reads the configuration of this machine's node: the file at path, or the first
// that there is if that is empty, the last place being that of mco join. Its paths are
// absolute then.
func NodeConfig(env *cli.Env, path string) (*config.Config, error) {
	if path == "" {
		var ok bool
		if path, ok = findServer(env); !ok {
			return nil, usage.Hinted(fmt.Errorf("found no readable configuration file; looked for %s", strings.Join(config.ServerPaths(), " and ")),
				"mco join makes this machine a node; --config FILE names a configuration, and docs/operations.md shows the smallest that works")
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Load(path, config.Server)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return cfg, nil
}

func findServer(env *cli.Env) (path string, ok bool) {
	if path, ok = config.FindServer(nil); ok {
		return path, true
	}
	dir, err := Resolve(env, "")
	if err != nil || !config.Readable(dir.ServerConfig()) {
		return "", false
	}
	return dir.ServerConfig(), true
}
