package plugins

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"mcollective/internal/tlsfiles"
	"mcollective/stomp"
)

// stompOptions reads the keys that plugin.activemq and plugin.rabbitmq share.
func stompOptions(r *pluginReader, log *slog.Logger) (stomp.Options, error) {
	o := stomp.Options{
		Randomize:      r.bool("randomize"),
		VHost:          r.string("vhost"),
		Heartbeat:      heartbeat(r.seconds("heartbeat_interval", -1)),
		MaxMissed:      r.int("max_hbread_fails"),
		ConnectTimeout: r.seconds("connect_timeout", 0),
		MaxAttempts:    r.int("max_reconnect_attempts"),
		Backoff: stomp.Backoff{
			Initial:    r.seconds("initial_reconnect_delay", 0),
			Max:        r.seconds("max_reconnect_delay", 0),
			Multiplier: r.float("back_off_multiplier"),
			Constant:   !r.bool("use_exponential_back_off"),
		},
		Logger: log,
	}
	if !r.bool("stomp_1_0_fallback") {
		o.Versions = []stomp.Version{stomp.V11}
	}
	size := r.int("pool.size")
	if r.err != nil {
		return o, r.err
	}
	if size < 1 {
		return o, fmt.Errorf("%s: plugin.%s.pool.size must say how many brokers plugin.%s.pool.1.host and so on name", r.cfg.File, r.plugin, r.plugin)
	}
	prompt := credentialPrompt{r: r}
	for n := 1; n <= size; n++ {
		srv, err := poolServer(r, &prompt, n, log)
		if err != nil {
			return o, err
		}
		o.Servers = append(o.Servers, srv)
	}
	return o, r.err
}

// heartbeat returns the interval to ask for. Ruby has none unless it is configured,
// and then at least 30 s; we ask by default, and 0 turns it off.
func heartbeat(configured time.Duration) time.Duration {
	switch {
	case configured < 0:
		return 0 // the default of package stomp
	case configured == 0:
		return -1
	}
	return max(configured, 30*time.Second)
}

func poolServer(r *pluginReader, prompt *credentialPrompt, n int, log *slog.Logger) (stomp.Server, error) {
	key := func(name string) string { return fmt.Sprintf("pool.%d.%s", n, name) }
	srv := stomp.Server{Host: r.string(key("host")), Port: r.int(key("port"))}
	if srv.Host == "" {
		return srv, fmt.Errorf("%s: plugin.%s.pool.size promises a plugin.%s.%s, which is not there", r.cfg.File, r.plugin, r.plugin, key("host"))
	}
	var err error
	if srv.Login, err = prompt.value("STOMP_USER", key("user"), "prompt_user", false); err != nil {
		return srv, err
	}
	if srv.Passcode, err = prompt.value("STOMP_PASSWORD", key("password"), "prompt_password", true); err != nil {
		return srv, err
	}
	if !r.bool(key("ssl")) {
		return srv, r.err
	}
	if r.bool(key("ssl.fallback")) {
		log.Warn("ssl.fallback is ignored: a broker whose certificate cannot be checked is not talked to", "key", "plugin."+r.plugin+"."+key("ssl.fallback"))
	}
	env := fmt.Sprintf("MCOLLECTIVE_%s_POOL%d_SSL_", strings.ToUpper(r.plugin), n)
	files, err := poolTLS(r, key, env)
	if err != nil {
		return srv, err
	}
	srv.TLS = func() (*tls.Config, error) {
		c, err := files.Config()
		if err != nil {
			return nil, fmt.Errorf("plugin.%s.%s: %w", r.plugin, key("ssl"), err)
		}
		return c, nil
	}
	if _, err = srv.TLS(); err != nil { // for the error now: without it we would try for ever
		return srv, err
	}
	if err := files.Outdated(time.Now()); err != nil {
		log.Warn("a TLS file is out of date", "error", err, "key", "plugin."+r.plugin+"."+key("ssl"))
	}
	return srv, r.err
}

// poolTLS reads which files TLS to a broker needs.
func poolTLS(r *pluginReader, key func(string) string, env string) (tlsfiles.Client, error) {
	files := tlsfiles.Client{
		CA:   list(r.string(key("ssl.ca"))),
		Cert: firstOf(os.Getenv(env+"CERT"), r.string(key("ssl.cert"))),
		Key:  firstOf(os.Getenv(env+"KEY"), r.string(key("ssl.key"))),
	}
	where := "plugin." + r.plugin + "." + key("ssl")
	if (files.Cert == "") != (files.Key == "") {
		return files, fmt.Errorf("%s: a client certificate needs both ssl.cert and ssl.key", where)
	}
	if names := r.string(key("ssl.ciphers")); names != "" {
		suites, err := cipherSuites(names)
		if err != nil {
			return files, fmt.Errorf("%s.ciphers: %w", where, err)
		}
		files.Ciphers = suites
	}
	return files, r.err
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
