package ddl

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"mcollective/rpc"
	"mcollective/value"
)

func compiledSchema(t testing.TB) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// law holds a definition to what JSON, YAML and the schema promise.
func law(t rapid.TB, s *jsonschema.Schema, d *Definition) {
	data, err := d.JSON()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil || !json.Valid(data) {
		t.Fatalf("%s: %v", data, err)
	}
	if err := s.Validate(doc); err != nil {
		t.Fatalf("%s\n%v", data, err)
	}
	again, err := Parse("x.json", data)
	if err != nil {
		t.Fatalf("%s\n%v", data, err)
	}
	if diff := cmp.Diff(d, again, cmpopts.EquateNaNs()); diff != "" {
		t.Fatalf("%s\n%s", data, diff)
	}
	if d.Hash() != again.Hash() || len(d.Hash()) != 64 {
		t.Fatalf("hash %s, %s", d.Hash(), again.Hash())
	}
	text, err := d.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err = Parse("x.yaml", text)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	if diff := cmp.Diff(d, again, cmpopts.EquateNaNs()); diff != "" {
		t.Fatalf("%s\n%s", text, diff)
	}
	_ = d.Help(0)
}

func TestExamplesKeepTheLaw(t *testing.T) {
	s := compiledSchema(t)
	files, _ := filepath.Glob("testdata/help/*.yaml")
	for _, file := range files {
		law(t, s, readDefinition(t, file))
	}
	for _, file := range files {
		var doc any
		data, _ := os.ReadFile(file)
		d, err := Parse(file, data)
		if err != nil {
			t.Fatal(err)
		}
		data, _ = d.JSON()
		if json.Unmarshal(data, &doc) != nil || s.Validate(doc) != nil {
			t.Errorf("%s is against the schema", file)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	s := compiledSchema(t)
	rapid.Check(t, func(t *rapid.T) { law(t, s, drawDefinition(t)) })
}

func drawText(t *rapid.T) string {
	s := rapid.OneOf(
		rapid.SampledFrom([]string{"", "true", "null", "1.10", "2001-01-01", "~", "- a", "a: b", "# c", "a\nb\n", " x\n\n y", "\n", "a \nb", "!x", "&a", "*a", "'", "\"", "<<", "yes", "0x1f", "\\", "{", "[", "\t", "a\r\nb", "12e3", ".inf", "|", "  a\nb"}),
		rapid.StringN(0, 20, 60),
	).Draw(t, "text")
	return strings.Map(func(r rune) rune {
		if r < ' ' && !strings.ContainsRune("\n\t\r", r) || r >= 0x7f && r < 0xa0 || r == 0xfffd {
			return 'x'
		}
		return r
	}, s)
}

func drawName(t *rapid.T) string {
	return rapid.SampledFrom([]string{"one", "two_words", "Third", "4th", "with blank", "ключ", "a-b", "true", "null", "1", "on", "<<", "x:y"}).Draw(t, "name")
}

func drawValue(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 8).Draw(t, "kind")
	if depth > 2 {
		kind %= 7
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int64().Draw(t, "int")
	case 3:
		return rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, 1e21, math.Inf(1), math.Inf(-1), math.NaN(), 1e-7})).Draw(t, "float")
	case 4:
		return value.Symbol(drawText(t))
	case 5, 6:
		return drawText(t)
	case 7:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			list = append(list, drawValue(t, depth+1))
		}
		return list
	}
	h := value.NewMap()
	for range rapid.IntRange(0, 3).Draw(t, "n") {
		var key any = rapid.SampledFrom([]string{"a", "b", "$symbol", "$x", ""}).Draw(t, "key")
		if rapid.Bool().Draw(t, "odd") {
			key = drawValue(t, depth+1)
		}
		h.Pairs = append(h.Pairs, value.Pair{Key: key, Value: drawValue(t, depth+1)})
	}
	return h
}

func drawList(t *rapid.T) []any {
	list := []any{}
	for range rapid.IntRange(0, 3).Draw(t, "n") {
		list = append(list, drawValue(t, 1))
	}
	return list
}

func drawAction(t *rapid.T, name string) *Action {
	a := &Action{Name: name, Description: drawText(t), Display: Display(rapid.SampledFrom(displays).Draw(t, "display")),
		Timeout: time.Duration(rapid.IntRange(0, 1e6).Draw(t, "ms")) * time.Millisecond, Destructive: rapid.Bool().Draw(t, "d"), Noop: rapid.Bool().Draw(t, "n")}
	for range rapid.IntRange(0, 4).Draw(t, "inputs") {
		if in := drawInput(t, drawName(t)); a.Input(in.Name) == nil {
			a.Inputs = append(a.Inputs, in)
		}
	}
	a.Outputs = drawOutputs(t)
	for range rapid.IntRange(0, 2).Draw(t, "summaries") {
		s := &Summary{Function: "f" + drawText(t), Output: drawText(t), Format: drawText(t)}
		if rapid.Bool().Draw(t, "options") {
			s.Options = map[string]any{"a b": drawValue(t, 1), "title": drawValue(t, 1)}
		}
		a.Summaries = append(a.Summaries, s)
	}
	return a
}

func drawInput(t *rapid.T, name string) *Input {
	in := &Input{Name: name, Prompt: drawText(t), Description: drawText(t), Optional: rapid.Bool().Draw(t, "optional"),
		Default: drawValue(t, 0), Sensitive: rapid.Bool().Draw(t, "sensitive")}
	in.Type = Type(rapid.SampledFrom(append(slices.Clone(ourTypes), "string", "string", "ipv4address", "sting", "Mine")).Draw(t, "type"))
	switch in.Type {
	case List:
		in.List = drawList(t)
	case String:
		in.MaxLength = rapid.IntRange(0, 100).Draw(t, "max")
		switch rapid.IntRange(0, 4).Draw(t, "validation") {
		case 0:
			in.Validation.Regexp = drawText(t)
		case 1:
			in.Validation.Validator = rapid.SampledFrom([]string{"shellsafe", "shellSafe", "mine", "^x"}).Draw(t, "validator")
		case 2:
			in.Validation.List = drawList(t)
		case 3:
			in.Validation.Class = "Numeric"
		}
	}
	return in
}

func drawOutputs(t *rapid.T) (outputs []*Output) {
	for i := range rapid.IntRange(0, 3).Draw(t, "outputs") {
		o := &Output{Name: drawName(t) + string(rune('a'+i)), Description: drawText(t), DisplayAs: drawText(t), Default: drawValue(t, 0)}
		o.Type = Type(rapid.SampledFrom(append(slices.Clone(ourTypes), "")).Draw(t, "type"))
		outputs = append(outputs, o)
	}
	return outputs
}

func drawDefinition(t *rapid.T) *Definition {
	d := &Definition{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Usage: drawText(t), Metadata: rpc.Metadata{
		Agent: rapid.SampledFrom([]string{"a", "true", "1.5", "x-y", "rpcutil"}).Draw(t, "agent"), Name: drawText(t), Description: drawText(t), Author: drawText(t),
		License: drawText(t), Version: drawText(t), URL: drawText(t), Timeout: time.Duration(rapid.IntRange(0, 1e5).Draw(t, "s")) * time.Second}}
	if rapid.Bool().Draw(t, "requires") {
		d.Requires = []Requirement{{"mcollective", drawText(t)}}
	}
	switch d.Kind {
	case Agent:
		for range rapid.IntRange(0, 3).Draw(t, "actions") {
			if a := drawAction(t, drawName(t)); d.Action(a.Name) == nil {
				d.Actions = append(d.Actions, a)
			}
		}
	case Data:
		d.Query = &Action{Name: "data", Description: drawText(t), Outputs: drawOutputs(t)}
		if rapid.Bool().Draw(t, "query") {
			d.Query.Inputs = []*Input{drawInput(t, "query")}
		}
	case Discovery:
		d.Capabilities = slices.Clone(capabilities[:rapid.IntRange(0, 5).Draw(t, "capabilities")])
		if len(d.Capabilities) == 0 {
			d.Capabilities = nil
		}
	}
	return d
}
