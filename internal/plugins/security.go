package plugins

import (
	"fmt"
	"os"

	"mcollective/internal/config"
	"mcollective/message/wire"
	"mcollective/security/psk"
)

func newPSK(cfg *config.Config) (provider, error) {
	name := cfg.PluginString("psk.serializer", "marshal")
	serializer, err := wire.ParseSerializer(name)
	if err != nil {
		return nil, fmt.Errorf("plugin.psk.serializer = %s: %w", name, err)
	}
	return psk.New(psk.Options{
		Secret:     psk.SecretFromEnv(os.LookupEnv, cfg.PluginString("psk", "")),
		Identity:   cfg.Identity,
		CallerType: cfg.PluginString("psk.callertype", "uid"),
		Serializer: serializer,
		TTL:        cfg.TTL,
	})
}
