package plugins

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"mcollective/internal/config"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/aes"
	"mcollective/security/psk"
	"mcollective/security/ssl"
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

func sslClient(cfg *config.Config) (security.Client, []string, error) {
	r := fileReader{cfg: cfg, form: "ssl_serializer", bits: "ssl.min_key_bits"}
	o := ssl.ClientOptions{
		Identity:   cfg.Identity,
		PrivateKey: r.file("ssl_client_private", ssl.EnvPrivate),
		PublicKey:  r.file("ssl_client_public", ssl.EnvPublic),
		ServerKey:  r.file("ssl_server_public", ""),
	}
	if err := r.rest(&o.Serializer, &o.MinKeyBits); err != nil {
		return nil, nil, err
	}
	c, err := ssl.NewClient(o)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", cfg.Origin("securityprovider"), err)
	}
	return c, c.Warnings(), nil
}

func sslNode(cfg *config.Config) (security.Node, []string, error) {
	r := fileReader{cfg: cfg, form: "ssl_serializer", bits: "ssl.min_key_bits"}
	o := ssl.NodeOptions{
		Identity:   cfg.Identity,
		PrivateKey: r.file("ssl_server_private", ssl.EnvPrivate),
		PublicKey:  cfg.PluginString("ssl_server_public", ""),
		ClientKeys: r.file("ssl_client_cert_dir", ""),
		TTL:        cfg.TTL, MaxTTL: cfg.MaxTTL,
	}
	enforce, err := cfg.PluginBool("ssl.enforce_ttl", true)
	if err = cmp.Or(err, r.rest(&o.Serializer, &o.MinKeyBits)); err != nil {
		return nil, nil, err
	}
	o.AnyTTL = !enforce
	n, err := ssl.NewNode(o)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", cfg.Origin("securityprovider"), err)
	}
	return n, n.Warnings(), nil
}

func aesClient(cfg *config.Config) (security.Client, []string, error) {
	r := fileReader{cfg: cfg, form: "aes.serializer", bits: "aes.min_key_bits"}
	o := aes.ClientOptions{
		Identity:   cfg.Identity,
		PrivateKey: r.file("aes.client_private", aes.EnvPrivate),
		PublicKey:  r.file("aes.client_public", aes.EnvPublic),
		Cipher:     cfg.SSLCipher,
	}
	var err error
	o.SendPublicKey, err = cfg.PluginBool("aes.send_pubkey", false)
	if err = cmp.Or(err, r.rest(&o.Serializer, &o.MinKeyBits)); err != nil {
		return nil, nil, err
	}
	c, err := aes.NewClient(o)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", cfg.Origin("securityprovider"), err)
	}
	return c, c.Warnings(), nil
}

func aesNode(cfg *config.Config) (security.Node, []string, error) {
	r := fileReader{cfg: cfg, form: "aes.serializer", bits: "aes.min_key_bits"}
	o := aes.NodeOptions{
		Identity:   cfg.Identity,
		ClientKeys: r.file("aes.client_cert_dir", ""),
		Authority:  cfg.PluginString("aes.ca_cert", ""),
		Cipher:     cfg.SSLCipher,
		TTL:        cfg.TTL,
	}
	enforce, err := cfg.PluginBool("aes.enforce_ttl", true)
	learn, err2 := cfg.PluginBool("aes.learn_pubkeys", false)
	if err = cmp.Or(err, err2, r.rest(&o.Serializer, &o.MinKeyBits)); err != nil {
		return nil, nil, err
	}
	if insecure, err := cfg.PluginBool("aes.insecure_learning", false); err != nil || insecure {
		return nil, nil, cmp.Or(err, errors.New("plugin.aes.insecure_learning: keys that no authority signed are not learned")) // the configuration has said so
	}
	o.AnyTTL, o.Learn = !enforce, learn
	n, err := aes.NewNode(o)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", cfg.Origin("securityprovider"), err)
	}
	return n, n.Warnings(), nil
}

// A fileReader reads the settings of providers that have their keys in files; its first
// error sticks. form and bits are the keys of the serializer and of the shortest key.
type fileReader struct {
	cfg        *config.Config
	form, bits string
	err        error
}

// file returns a file that there has to be, named by a variable of the environment or else by
// a key.
func (r *fileReader) file(key, variable string) string {
	if variable != "" {
		if name, ok := os.LookupEnv(variable); ok && name != "" {
			return name
		} else if ok && r.err == nil {
			r.err = fmt.Errorf("%s is in the environment and empty: name a file, or unset it", variable)
		}
	}
	name := r.cfg.PluginString(key, "")
	if name == "" && r.err == nil {
		r.err = fmt.Errorf("%s: securityprovider = %s needs plugin.%s", source(r.cfg, key), r.cfg.SecurityProvider, key)
	}
	return name
}

// rest reads what both halves have.
func (r *fileReader) rest(serializer *wire.Serializer, bits *int) error {
	name := r.cfg.PluginString(r.form, "")
	s, err := wire.ParseSerializer(name)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("plugin.%s = %s: %w", r.form, name, err)
	}
	n, err := r.cfg.PluginInt(r.bits, 0)
	*serializer, *bits = s, n
	return cmp.Or(r.err, err)
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
