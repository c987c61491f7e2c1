package sysctl

import (
	"os"
	"path/filepath"
	"testing"

	"mcollective/internal/data"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
)

func TestData(t *testing.T) {
	root := dirtest.New(t)
	for name, text := range map[string]string{
		"net/ipv4/ip_forward": "1\n", "net/ipv4/tcp_rmem": "4096\t131072\t6291456\n", "kernel/hostname": "web 1\n", "net/ipv4/conf/eth0.1/forwarding": "0\n", "../outside": "secret",
	} {
		path := filepath.Join(root, "sys", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d, err := NewData(Options{Root: filepath.Join(root, "sys")})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Active(t.Context()); err != nil {
		t.Error(err)
	}
	set := data.NewSet(d)
	for name, want := range map[string]any{"net.ipv4.ip_forward": int64(1), "net/ipv4/ip_forward": int64(1), "net.ipv4.tcp_rmem": "4096 131072 6291456",
		"kernel.hostname": "web 1", "net.ipv4.conf.eth0/1.forwarding": int64(0), "net/ipv4/conf/eth0.1/forwarding": int64(0)} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			got, err := set.Data(t.Context(), "sysctl", name)
			if err != nil || got["value"] != want {
				t.Errorf("%s: %#v, %v", name, got, err)
			}
		})
	}
	for _, name := range []string{"", "net", "net.none", "//outside", "../outside", "kernel//..//..//outside", "kernel/../../outside", ".", "a b"} {
		if got, err := set.Data(t.Context(), "sysctl", name); err == nil {
			t.Errorf("%q: %v", name, got)
		}
	}
}
