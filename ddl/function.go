package ddl

import (
	"fmt"
	"strconv"
	"strings"

	"mcollective/filter"
	"mcollective/internal/suggest"
)

// CheckFunction returns why no node can match a comparison in a filter with an output of
// the data plugin, or nil: the query is not valid, there is no such output, or it is of a
// type that is never so. An output without a type may be anything.
func (d *Definition) CheckFunction(f *filter.Function) error {
	if d.Query == nil {
		return nil // such a definition promises nothing
	}
	if err := d.ValidateQuery(f.Params); err != nil {
		return err
	}
	name := d.Metadata.Name
	if f.Name != "" {
		name = f.Name
	}
	var names []string
	for _, o := range d.Query.Outputs {
		if o.Name == f.Output {
			if err := o.compares(f); err != nil {
				return fmt.Errorf("%s(...).%s %w", name, o.Name, err)
			}
			return nil
		}
		names = append(names, o.Name)
	}
	if f.Output == "" {
		return fmt.Errorf("%s(...) is compared without the name of an output; it has %s", name, strings.Join(names, ", "))
	}
	if near := suggest.Nearest(f.Output, names); near != "" {
		return fmt.Errorf("the data function %s has no output %s; did you mean '%s'?", name, f.Output, near)
	}
	return fmt.Errorf("the data function %s has no output %s; it has %s", name, f.Output, strings.Join(names, ", "))
}

// compares returns why no value of the output's type matches the comparison, or nil. Nodes
// compare by the type of the value.
func (o *Output) compares(f *filter.Function) error {
	operator, right := strings.TrimSpace(f.Operator), strings.TrimSpace(f.Compare.Text)
	regexp, unordered := strings.HasSuffix(operator, "=~"), operator == "=" || operator == "==" || operator == "!="
	switch o.Type {
	case Integer, Float, Number:
		if _, err := strconv.ParseFloat(strings.ReplaceAll(right, "_", ""), 64); regexp || err != nil && !isRubyInteger(right) {
			return fmt.Errorf("is a number and is never %s %s; compare it with a number", operator, f.Compare.Text)
		}
	case Boolean:
		if regexp || !unordered || right != "true" && right != "false" {
			return fmt.Errorf("is true or false and is never %s %s; compare it with = or !=", operator, f.Compare.Text)
		}
	case String:
		if !regexp && !unordered {
			return fmt.Errorf("is a text, which has no order: it is never %s %s; compare it with = or a regular expression", operator, f.Compare.Text)
		}
	}
	return nil
}

// isRubyInteger reports whether a text is an integer in another base, like 0x1f.
func isRubyInteger(text string) bool {
	_, err := strconv.ParseInt(text, 0, 64)
	return err == nil
}
