package plugins

import (
	"fmt"
	"os"

	"mcollective/internal/config"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/psk"
)

func pskClient(cfg *config.Config) (security.Client, []string, error) {
	p, err := newPSK(cfg)
	if err != nil {
		return nil, nil, err
	}
	return p, p.Warnings(), nil
}

func pskNode(cfg *config.Config) (security.Node, []string, error) {
	p, err := newPSK(cfg)
	if err != nil {
		return nil, nil, err
	}
	return p, p.Warnings(), nil
}

func newPSK(cfg *config.Config) (*psk.Provider, error) {
	name := cfg.PluginString("psk.serializer", "")
	serializer, err := wire.ParseSerializer(name)
	if err != nil {
		return nil, fmt.Errorf("plugin.psk.serializer = %s: %w", name, err)
	}
	p, err := psk.New(psk.Options{
		Secret:     psk.SecretFromEnv(os.LookupEnv, cfg.PluginString("psk", "")),
		Identity:   cfg.Identity,
		CallerType: cfg.PluginString("psk.callertype", ""),
		Serializer: serializer,
		TTL:        cfg.TTL,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source(cfg, "psk"), err)
	}
	return p, nil
}

// source says where a plugin key was written, for errors about its value.
func source(cfg *config.Config, key string) string {
	if o := cfg.Origin("plugin." + key); o.File != "" {
		return o.String()
	}
	if cfg.File != "" {
		return cfg.File
	}
	return "no configuration file found"
}
