package ddl

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mcollective/marshal"
	"mcollective/value"
)

// FuzzParse holds whatever is accepted to being written and read again.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/help/*.yaml")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, false)
	}
	f.Add([]byte(hello), false)
	f.Add([]byte(`{"agent":"a","actions":{"go":{"input":{"x":{"type":"list","list":[{"$hash":[[1,{"$symbol":"b"}]]},{"$float":"nan"}]}}}}}`), true)
	f.Fuzz(func(t *testing.T, data []byte, asJSON bool) {
		file := "fuzz.yaml"
		if asJSON {
			file = "fuzz.json"
		}
		d, err := Parse(file, data)
		if err != nil {
			return
		}
		text, err := d.JSON()
		if err != nil {
			t.Fatalf("it can be read and not be written: %v", err)
		}
		again, err := Parse("again.json", text)
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		if diff := cmp.Diff(d, again, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("%s\n%s", text, diff)
		}
		_ = d.Help(60)
	})
}

// FuzzValidate judges what any machine might send as the inputs of an action.
func FuzzValidate(f *testing.F) {
	d := readDefinition(f, "testdata/help/agent-sample.yaml")
	for _, h := range []*value.Map{
		value.NewMap(sym("plain"), "abc", "four", "1.2.3.4"), value.NewMap("safe", value.Binary("\xff"), "list", 1.5),
		value.NewMap("anchored", &value.String{Bytes: "a\xff", Encoding: "UTF-16LE"}, "int", []any{}, "list", value.NewMap(1, nil)),
	} {
		data, err := marshal.Marshal(h)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := marshal.Unmarshal(data)
		if err != nil {
			return
		}
		if h, ok := v.(*value.Map); ok {
			for _, a := range d.Actions {
				_ = d.Validate(a.Name, h)
			}
		}
		for _, in := range d.Action("check").Inputs {
			_ = in.Validate(v)
		}
	})
}

func FuzzAlign(f *testing.F) {
	f.Add("a b c\n\n  d", uint8(10))
	f.Fuzz(func(t *testing.T, text string, columns uint8) { _ = align(text, int(columns), 3) })
}

func BenchmarkParseRPCUtil(b *testing.B) {
	data, err := os.ReadFile("testdata/help/agent-rpcutil.yaml")
	if err != nil {
		b.Fatal(err)
	}
	d := readDefinition(b, "testdata/help/agent-rpcutil.yaml")
	asJSON, err := d.JSON()
	if err != nil {
		b.Fatal(err)
	}
	for file, data := range map[string][]byte{"x.yaml": data, "x.json": asJSON} {
		b.Run(filepath.Ext(file)[1:], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(file, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkValidate(b *testing.B) {
	d := readDefinition(b, "testdata/help/agent-rpcutil.yaml")
	data := value.NewMap(sym("fact"), "operatingsystem", sym("process_results"), true)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Validate("get_fact", data); err != nil {
			b.Fatal(err)
		}
	}
}
