package packages

import (
	"context"
	_ "embed"

	"mcollective/ddl"
	"mcollective/internal/data"
)

//go:embed data.yaml
var dataDefinition []byte

// A Data is the data plugin package: which version of a package is installed.
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

// Active says no where no package manager is known.
func (d *Data) Active(context.Context) error {
	_, err := d.opts.manager()
	return err
}

// Query implements data.Plugin.
func (d *Data) Query(ctx context.Context, name string) (map[string]any, error) {
	m, err := d.opts.manager()
	if err != nil {
		return nil, err
	}
	if err := checkName(m, name); err != nil {
		return nil, err
	}
	i, err := m.status(ctx, d.opts, name)
	if err != nil {
		return nil, err
	}
	return map[string]any{"status": i.ensure, "installed": i.present}, nil
}
