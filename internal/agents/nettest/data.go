package nettest

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"strconv"

	"mcollective/ddl"
	"mcollective/internal/data"
)

//go:embed data.yaml
var dataDefinition []byte

// A Data is the data plugin nettest: whether a connection can be made.
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

// Query implements data.Plugin.
func (d *Data) Query(ctx context.Context, address string) (map[string]any, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is not host:port: %w", address, err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("there is no port %s", text)
	}
	addrs, err := d.opts.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	_, err = d.opts.reach(ctx, addrs, int(port))
	return map[string]any{"connect": err == nil}, nil
}
