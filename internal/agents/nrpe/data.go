package nrpe

import (
	"context"
	_ "embed"

	"mcollective/ddl"
	"mcollective/internal/data"
)

//go:embed data.yaml
var dataDefinition []byte

// A Data is the data plugin nrpe: the exit code of a check.
type Data struct {
	definition *ddl.Definition
	agent      *Agent
}

var _ data.Plugin = (*Data)(nil)

// NewData makes the data plugin.
func NewData(o Options) (*Data, error) {
	d, err := ddl.Parse("data.yaml", dataDefinition)
	return &Data{d, &Agent{opts: o.settled()}}, err
}

// Definition implements data.Plugin.
func (d *Data) Definition() *ddl.Definition { return d.definition }

// Active says no where no check is configured.
func (d *Data) Active(ctx context.Context) error { return d.agent.Active(ctx) }

// Query implements data.Plugin.
func (d *Data) Query(ctx context.Context, name string) (map[string]any, error) {
	commands, err := d.agent.opts.commands()
	if err != nil {
		return nil, err
	}
	return map[string]any{"exitcode": d.agent.opts.check(ctx, name, commands, nil).exit}, nil
}
