package plugins

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcollective/internal/config"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
	"mcollective/stomp"
)

// read reads a configuration made of these lines.
func read(t *testing.T, role config.Role, lines ...string) (*config.Config, error) {
	t.Helper()
	file := filepath.Join(dirtest.New(t), "test.cfg")
	text := "identity = here\n" + strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(file, role)
}

func load(t *testing.T, role config.Role, lines ...string) *config.Config {
	t.Helper()
	cfg, err := read(t, role, lines...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func options(t *testing.T, lines ...string) (stomp.Options, error) {
	t.Helper()
	cfg, err := read(t, config.Server, lines...)
	if err != nil {
		return stomp.Options{}, err
	}
	r := pluginReader{cfg: cfg, plugin: "activemq"}
	return stompOptions(&r, slog.New(slog.DiscardHandler))
}

const (
	onePool = "plugin.activemq.pool.size = 1"
	oneHost = "plugin.activemq.pool.1.host = broker.example.net"
)

func TestUnknownNamesSayWhatThereIs(t *testing.T) {
	cfg := &config.Config{Connector: "carrier_pigeon", SecurityProvider: "trust"}
	if _, err := Connect(t.Context(), cfg, slog.Default()); err == nil || !strings.Contains(err.Error(), "activemq, nats, rabbitmq") {
		t.Errorf("connector: %v", err)
	}
	if _, _, err := NodeSecurity(cfg); err == nil || !strings.Contains(err.Error(), "there is aes_security, creds, psk, ssl") {
		t.Errorf("security provider: %v", err)
	}
	// A configuration takes the same names.
	for name := range connectors {
		load(t, config.Server, "connector = "+name)
	}
	for name := range providers {
		load(t, config.Server, "securityprovider = "+name)
	}
}

func TestPSK(t *testing.T) {
	for lines, want := range map[string]string{
		"plugin.psk = unset": "test.cfg:2: psk: the pre-shared key is \"unset\", which everybody knows",
		"# none":             "the pre-shared key is empty",
		"plugin.psk = long enough to be taken\nplugin.psk.serializer = xml": "plugin.psk.serializer = xml",
	} {
		t.Run(subtest.Name(lines), func(t *testing.T) {
			cfg, err := read(t, config.Client, lines)
			if err == nil {
				_, _, err = ClientSecurity(cfg)
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", lines, err)
			}
		})
	}
	t.Setenv("MCOLLECTIVE_PSK", "this one is long enough")
	sec, warnings, err := ClientSecurity(load(t, config.Client, "plugin.psk = unset", "plugin.psk.callertype = identity", "securityprovider = Psk"))
	if err != nil || sec.CallerID() != "identity=here" || len(warnings) != 1 {
		t.Errorf("with a secret from the environment: %v, %v, %v", sec, warnings, err)
	}
}

func TestPool(t *testing.T) {
	t.Setenv("STOMP_USER", "from the environment")
	o, err := options(t, "plugin.activemq.pool.size = 2", oneHost, "plugin.activemq.pool.1.user = overridden",
		"plugin.activemq.pool.1.password = secret", "plugin.activemq.pool.2.host = other", "plugin.activemq.pool.2.port = 6163",
		"plugin.activemq.initial_reconnect_delay = 0.5", "plugin.activemq.max_reconnect_delay = 7", "plugin.activemq.use_exponential_back_off = 0",
		"plugin.activemq.randomize = yes", "plugin.activemq.stomp_1_0_fallback = 0", "plugin.activemq.max_hbread_fails = 4")
	if err != nil {
		t.Fatal(err)
	}
	first, second := o.Servers[0], o.Servers[1]
	if first.Addr() != "broker.example.net:61613" || first.Login != "from the environment" || first.Passcode != "secret" || first.TLS != nil {
		t.Errorf("the first is %+v", first)
	}
	if second.Addr() != "other:6163" || second.Passcode != "" {
		t.Errorf("the second is %+v", second)
	}
	if o.Backoff != (stomp.Backoff{Initial: 500 * time.Millisecond, Max: 7 * time.Second, Multiplier: 2, Constant: true}) {
		t.Errorf("back-off is %+v", o.Backoff)
	}
	if !o.Randomize || len(o.Versions) != 1 || o.Versions[0] != stomp.V11 || o.MaxMissed != 4 {
		t.Errorf("options are %+v", o)
	}
}

func TestPoolErrors(t *testing.T) {
	empty := filepath.Join(dirtest.New(t), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for lines, want := range map[string]string{
		oneHost: "plugin.activemq.pool.size must say",
		"plugin.activemq.pool.size = 2\n" + oneHost:                                "plugin.activemq.pool.2.host, which is not there",
		onePool + "\n" + oneHost + "\nplugin.activemq.pool.1.port = stomp":         "test.cfg:4: plugin.activemq.pool.1.port = stomp",
		onePool + "\n" + oneHost + "\nplugin.activemq.randomize = perhaps":         "plugin.activemq.randomize = perhaps",
		tlsPool + "\nplugin.activemq.pool.1.ssl.ca = /nowhere/ca.pem":              "/nowhere/ca.pem",
		tlsPool + "\nplugin.activemq.pool.1.ssl.cert = /nowhere/cert.pem":          "needs both ssl.cert and ssl.key",
		tlsPool + "\nplugin.activemq.pool.1.ssl.ciphers = RC4-SHA:NULL-MD5":        `cipher "RC4-SHA" is unknown or not safe`,
		tlsPool + "\nplugin.activemq.pool.1.ssl.ca = " + empty:                     "holds no PEM certificate",
		tlsPool + "\nplugin.activemq.pool.1.ssl.fallback = maybe":                  "ssl.fallback = maybe",
		onePool + "\n" + oneHost + "\nplugin.activemq.heartbeat_interval = hourly": "heartbeat_interval = hourly",
	} {
		t.Run(subtest.Name(lines), func(t *testing.T) {
			if _, err := options(t, strings.Split(lines, "\n")...); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q:\n%v\nwant %q", lines, err, want)
			}
		})
	}
}

const tlsPool = onePool + "\n" + oneHost + "\nplugin.activemq.pool.1.ssl = true"

// A broker is verified with whatever else the file says.
func TestTLSIsVerified(t *testing.T) {
	o, err := options(t, onePool, oneHost, "plugin.activemq.pool.1.ssl = 1", "plugin.activemq.pool.1.ssl.fallback = true",
		"plugin.activemq.pool.1.ssl.ciphers = ECDHE-RSA-AES256-GCM-SHA384:TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,ECDHE-ECDSA-CHACHA20-POLY1305")
	if err != nil {
		t.Fatal(err)
	}
	c, err := o.Servers[0].TLS()
	if err != nil || c.InsecureSkipVerify || o.Servers[0].Host != "broker.example.net" || c.MinVersion != tls.VersionTLS12 {
		t.Fatalf("TLS is %+v", c)
	}
	want := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
	if len(c.CipherSuites) != 3 || c.CipherSuites[0] != want[0] || c.CipherSuites[1] != want[1] || c.CipherSuites[2] != want[2] {
		t.Errorf("ciphers are %x, want %x", c.CipherSuites, want)
	}
}

func TestHeartbeat(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"":                                       0, // package stomp's own default
		"plugin.activemq.heartbeat_interval = 0": -1,
		"plugin.activemq.heartbeat_interval = 5": 30 * time.Second,
		"plugin.activemq.heartbeat_interval = 45": 45 * time.Second,
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			o, err := options(t, onePool, oneHost, text)
			if err != nil || o.Heartbeat != want {
				t.Errorf("%q: %v, %v; want %v", text, o.Heartbeat, err, want)
			}
		})
	}
}

// A node has no terminal to ask on; it goes on without.
func TestOnlyClientsAreAsked(t *testing.T) {
	o, err := options(t, onePool, oneHost, "plugin.activemq.prompt_user = 1", "plugin.activemq.prompt_password = 1")
	if err != nil || o.Servers[0].Login != "" {
		t.Errorf("%+v, %v", o.Servers, err)
	}
}

func TestDangerousAgentsAreOff(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "activate_agents = 1": false, "plugin.file.activate_agent = 1": true, "plugin.file.activate_agent = 0": false,
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			cfg := load(t, config.Server, text)
			if got, _ := Enabled(cfg)("file"); got != want {
				t.Errorf("%q: %v", text, got)
			}
			if got, err := Enabled(cfg)("service"); !got || err != nil {
				t.Errorf("%q: service is %v, %v", text, got, err)
			}
		})
	}
}

// The files of TLS are read for each connection: what was renewed counts.
func TestFilesOfTLSAreReadAgain(t *testing.T) {
	dir := dirtest.New(t)
	ca := filepath.Join(dir, "ca.pem")
	put := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(ca, authority(t, "first", time.Now().Add(time.Hour)))
	o, err := options(t, tlsPool, "plugin.activemq.pool.1.ssl.ca = "+ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := func() *x509.CertPool {
		t.Helper()
		c, err := o.Servers[0].TLS()
		if err != nil {
			t.Fatal(err)
		}
		return c.RootCAs
	}
	before := pool()
	put(ca, authority(t, "second", time.Now().Add(time.Hour)))
	if pool().Equal(before) {
		t.Error("the authorities are those of the start")
	}
	put(ca, "half a file")
	if _, err := o.Servers[0].TLS(); err == nil || !strings.Contains(err.Error(), ca) {
		t.Errorf("a file of no use: %v", err)
	}
}

func TestWhatIsWrongWithFilesOfTLSIsSaid(t *testing.T) {
	dir := dirtest.New(t)
	ca, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(ca, []byte(authority(t, "old", time.Now().Add(-time.Hour))), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := options(t, tlsPool, "plugin.activemq.pool.1.ssl.cert = "+ca, "plugin.activemq.pool.1.ssl.key = "+key); err == nil || !strings.Contains(err.Error(), "openssl pkey -in "+key) {
		t.Errorf("an encrypted key: %v", err)
	}
	var log bytes.Buffer
	r := pluginReader{cfg: load(t, config.Server, "connector = activemq", tlsPool, "plugin.activemq.pool.1.ssl.ca = "+ca), plugin: "activemq"}
	if _, err := stompOptions(&r, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "expired on") || !strings.Contains(log.String(), ca) {
		t.Errorf("nothing is said of an expired authority: %s", &log)
	}
}

func authority(t *testing.T, name string, until time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: until.Add(-24 * time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// TestFilesOfCredentials has credentials that cannot be read, or that everybody can, which ends the start.
func TestFilesOfCredentials(t *testing.T) {
	dir := dirtest.New(t)
	open := dirtest.Write(t, filepath.Join(dir, "open"), "seed", 0o644)
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file", dir: "not a regular file", open: "run: chmod o-rwx " + open, "/dev/zero": "not a regular file",
	} {
		t.Run(subtest.Name(strings.TrimPrefix(path, dir)), func(t *testing.T) {
			for _, key := range []string{"nats.credentials", "nats.nkey"} {
				cfg := load(t, config.Server, "plugin."+key+" = "+path)
				_, err := Connect(waittest.Within(t, waittest.Patience), cfg, slog.New(slog.DiscardHandler))
				if err == nil || !strings.Contains(err.Error(), "test.cfg:2: plugin."+key+": ") || !strings.Contains(err.Error(), want) {
					t.Errorf("%s = %s: %v, want %q", key, path, err, want)
				}
			}
		})
	}
}
