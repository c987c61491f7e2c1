package render

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"mcollective/client"
	"mcollective/internal/plaintext"
	"mcollective/internal/safetext"
	document "mcollective/internal/yaml"
	"mcollective/rpc"
	"mcollective/value"
)

// A record is a result that waits.
type record struct {
	sender string
	reply  *rpc.Reply
}

// names writes who answered.
type names struct{ r *Results }

func (v *names) add(sender string, _ *rpc.Reply) { v.r.out.WriteString(v.r.line(sender) + "\n") }

func (v *names) close(*client.Account, Stats) {}

// compact returns a value for one cell: lists of plain values with commas, other
// structures as JSON.
func compact(v any) string {
	if a, ok := v.(*value.Array); ok {
		v = a.Items
	}
	switch list := v.(type) {
	case *value.Map:
		return compactJSON(v)
	case []any:
		cells := make([]string, len(list))
		for i, e := range list {
			switch e.(type) {
			case []any, *value.Map, *value.Array:
				return compactJSON(v)
			}
			cells[i] = compact(e)
		}
		return strings.Join(cells, ", ")
	case nil:
		return ""
	}
	return utf8Text(v)
}

func compactJSON(v any) string {
	e := jsonEncoder{clean: true}
	e.value(v)
	return string(e.b)
}

// csvView writes a line for each result. The outputs are those of the fields or
// of the definition; if neither says, all results have to wait for what they
// have in common.
type csvView struct {
	r       *Results
	w       *csv.Writer
	columns []string
	waiting []record
}

func newCSV(r *Results) *csvView {
	v := &csvView{r: r, w: csv.NewWriter(r.out)}
	if v.columns = r.o.Fields; v.columns == nil && r.def != nil {
		for _, o := range r.def.Outputs {
			v.columns = append(v.columns, o.Name)
		}
	}
	if v.columns != nil {
		v.head()
	}
	return v
}

func (v *csvView) head() {
	v.write(append([]string{"sender", "statuscode", "statusmsg"}, v.columns...))
}

func (v *csvView) write(cells []string) {
	for i := range cells {
		cells[i] = v.r.lines(cells[i])
	}
	_ = v.w.Write(cells) // the output keeps the error
	v.w.Flush()
}

func (v *csvView) add(sender string, reply *rpc.Reply) {
	if v.columns == nil {
		v.waiting = append(v.waiting, record{sender, reply})
		return
	}
	cells := []string{sender, strconv.Itoa(int(reply.Status)), reply.Message}
	given := outputs(reply.Data)
	for _, c := range v.columns {
		cell := given[c]
		switch cell.(type) {
		case []any, *value.Array:
			cells = append(cells, compactJSON(cell))
		default:
			cells = append(cells, compact(cell))
		}
	}
	v.write(cells)
}

func (v *csvView) close(*client.Account, Stats) {
	if v.columns != nil {
		return
	}
	all := newUnion(nil)
	for _, row := range v.waiting {
		all.add(row.reply.Data)
	}
	v.columns = all.close(v.r)
	v.head()
	for _, row := range v.waiting {
		v.add(row.sender, row.reply)
	}
}

// yamlView writes a list, one result after the other.
type yamlView struct {
	r *Results
	n int
}

func (v *yamlView) add(sender string, reply *rpc.Reply) {
	v.n++
	list := &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{yamlNode(v.r.object(sender, reply))}}
	text, err := document.Marshal(list)
	if err != nil {
		v.r.complain(sender + ": " + err.Error())
		return
	}
	if v.r.o.Raw {
		v.r.out.Write(text)
		return
	}
	v.r.out.WriteString(escapeYAML(string(text)))
}

func (v *yamlView) close(*client.Account, Stats) {
	if v.n == 0 {
		v.r.out.WriteString("[]\n")
	}
}

func yamlNode(v any) *yaml.Node {
	if a, ok := v.(*value.Array); ok {
		v = a.Items
	}
	node := &yaml.Node{Kind: yaml.ScalarNode}
	switch v := v.(type) {
	case *value.Map:
		node.Kind = yaml.MappingNode
		for k, e := range v.All() {
			node.Content = append(node.Content, yamlNode(utf8Text(k)), yamlNode(e))
		}
	case []any:
		node.Kind = yaml.SequenceNode
		for _, e := range v {
			node.Content = append(node.Content, yamlNode(e))
		}
	case nil:
		node.Tag, node.Value = "!!null", "null"
	case bool:
		node.Tag, node.Value = "!!bool", strconv.FormatBool(v)
	case int64:
		node.Tag, node.Value = "!!int", strconv.FormatInt(v, 10)
	case float64:
		node.Tag, node.Value = "!!float", yamlFloat(v)
	default:
		node.SetString(strings.ToValidUTF8(utf8Text(v), "\uFFFD"))
		if strings.ContainsFunc(node.Value, safetext.HostileInText) {
			node.Style = yaml.DoubleQuotedStyle // where escapes are understood
		}
	}
	return node
}

// escapeYAML escapes what a terminal would obey, all of which is between double
// quotes, and is not escaped by YAML itself.
func escapeYAML(text string) string {
	if !strings.ContainsFunc(text, safetext.HostileInText) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !safetext.HostileInText(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// yamlFloat returns a float in YAML's words.
func yamlFloat(f float64) string {
	text := string(plaintext.AppendFloat(nil, f))
	if named, ok := map[string]string{"NaN": ".nan", "Infinity": ".inf", "-Infinity": "-.inf"}[text]; ok {
		return named
	}
	return text
}
