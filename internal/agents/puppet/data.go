package puppet

import (
	"context"
	_ "embed"

	"mcollective/ddl"
	"mcollective/internal/data"
)

//go:embed data.yaml
var dataDefinition []byte

//go:embed resource.yaml
var resourceDefinition []byte

// A Data is the data plugin puppet: the state of the Puppet agent.
type Data struct {
	definition *ddl.Definition
	opts       Options
}

// A ResourceData is the data plugin resource: whether Puppet manages a resource,
// and how its last run went.
type ResourceData struct{ Data }

var (
	_ data.Plugin = (*Data)(nil)
	_ data.Plugin = (*ResourceData)(nil)
)

// NewData makes the data plugin puppet.
func NewData(o Options) (*Data, error) {
	d, err := ddl.Parse("data.yaml", dataDefinition)
	return &Data{d, o.settled()}, err
}

// NewResourceData makes the data plugin resource.
func NewResourceData(o Options) (*ResourceData, error) {
	d, err := ddl.Parse("resource.yaml", resourceDefinition)
	return &ResourceData{Data{d, o.settled()}}, err
}

// Definition implements data.Plugin.
func (d *Data) Definition() *ddl.Definition { return d.definition }

// Active says no where Puppet is not installed.
func (d *Data) Active(context.Context) error { return d.opts.active() }

// Query implements data.Plugin.
func (d *Data) Query(ctx context.Context, _ string) (map[string]any, error) {
	n, err := d.opts.node(ctx)
	if err != nil {
		return nil, err
	}
	s, err := n.summary()
	if err != nil {
		return nil, err
	}
	return n.status(s), nil
}

// Query implements data.Plugin.
func (d *ResourceData) Query(ctx context.Context, resource string) (map[string]any, error) {
	n, err := d.opts.node(ctx)
	if err != nil {
		return nil, err
	}
	s, err := n.summary()
	if err != nil {
		return nil, err
	}
	all := s.figures(n.now)
	if resource != "" {
		if all["managed"], err = n.manages(resource); err != nil {
			return nil, err
		}
	}
	return all, nil
}
