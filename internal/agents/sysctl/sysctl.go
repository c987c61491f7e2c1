// Package sysctl is the data plugin that tells the settings of the kernel.
package sysctl

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"mcollective/ddl"
	"mcollective/internal/data"
)

//go:embed data.yaml
var dataDefinition []byte

// Options configure the plugin.
type Options struct {
	Root string // where the kernel shows its settings; default: /proc/sys
}

// A Data is the data plugin sysctl.
type Data struct {
	definition *ddl.Definition
	root       string
}

var _ data.Plugin = (*Data)(nil)

// NewData makes the data plugin.
func NewData(o Options) (*Data, error) {
	d, err := ddl.Parse("data.yaml", dataDefinition)
	return &Data{d, cmp.Or(o.Root, "/proc/sys")}, err
}

// Definition implements data.Plugin.
func (d *Data) Definition() *ddl.Definition { return d.definition }

// Active says no where the kernel shows no settings.
func (d *Data) Active(context.Context) error {
	if _, err := os.Stat(filepath.Join(d.root, "kernel")); err != nil {
		return fmt.Errorf("settings of the kernel can be read on Linux only: %w", err)
	}
	return nil
}

// maxValue is more than any setting has.
const maxValue = 64 << 10

// Query implements data.Plugin. As for the program sysctl, dots and slashes
// change places in a name that has a slash: net.ipv4.conf.eth0/1.forwarding.
func (d *Data) Query(_ context.Context, name string) (map[string]any, error) {
	swap := strings.NewReplacer(".", "/", "/", ".")
	if at := strings.IndexAny(name, "./"); at >= 0 && name[at] == '/' { // net/ipv4/ip_forward
		swap = strings.NewReplacer()
	}
	path := swap.Replace(name)
	// A root keeps the name below it, and what links in there point to.
	root, err := os.OpenRoot(d.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	fi, err := root.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("the kernel has no setting %s", name)
	}
	if err != nil {
		return nil, err
	}
	f, err := root.Open(path)
	if err != nil {
		return nil, fmt.Errorf("setting %s cannot be read: %w", name, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxValue))
	if err != nil {
		return nil, fmt.Errorf("setting %s cannot be read: %w", name, err)
	}
	value := strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "\uFFFD")), " ")
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return map[string]any{"value": n}, nil
	}
	return map[string]any{"value": value}, nil
}
