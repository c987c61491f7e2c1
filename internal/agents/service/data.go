package service

import (
	"cmp"
	"context"
	_ "embed"

	"mcollective/ddl"
	"mcollective/internal/data"
)

//go:embed data.yaml
var dataDefinition []byte

// A Data is the data plugin service: whether a service runs.
type Data struct {
	definition *ddl.Definition
	opts       Options
}

var _ data.Plugin = (*Data)(nil)

// NewData makes the data plugin.
func NewData(o Options) (*Data, error) {
	d, err := ddl.Parse("data.yaml", dataDefinition)
	return &Data{d, o.settled()}, err
}

// Definition implements data.Plugin.
func (d *Data) Definition() *ddl.Definition { return d.definition }

// Active says no where no init system is known.
func (d *Data) Active(context.Context) error {
	_, err := d.opts.init()
	return err
}

// Query implements data.Plugin.
func (d *Data) Query(ctx context.Context, name string) (map[string]any, error) {
	if err := check(name); err != nil {
		return nil, err
	}
	system, err := d.opts.init()
	if err != nil {
		return nil, err
	}
	s, err := system.state(ctx, name)
	if err != nil {
		return nil, err
	}
	return map[string]any{"status": s.status, "enabled": cmp.Or(s.enabled, "unknown")}, nil
}
