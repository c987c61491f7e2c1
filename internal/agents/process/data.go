package process

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"regexp"
	"slices"

	"mcollective/ddl"
	"mcollective/internal/data"
)

//go:embed data.yaml
var dataDefinition []byte

// A Data is the data plugin process: whether a process runs.
type Data struct {
	definition *ddl.Definition
	table      table
}

var _ data.Plugin = (*Data)(nil)

// NewData makes the data plugin.
func NewData(o Options) (*Data, error) {
	d, err := ddl.Parse("data.yaml", dataDefinition)
	return &Data{d, table{cmp.Or(o.Proc, "/proc")}}, err
}

// Definition implements data.Plugin.
func (d *Data) Definition() *ddl.Definition { return d.definition }

// Active says no where there is no /proc as Linux has it.
func (d *Data) Active(context.Context) error { return d.table.active() }

// Query implements data.Plugin.
func (d *Data) Query(_ context.Context, pattern string) (map[string]any, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	all, err := d.table.all()
	if err != nil {
		return nil, err
	}
	return map[string]any{"exists": slices.ContainsFunc(all, func(p proc) bool { return re.MatchString(p.cmdline) })}, nil
}
