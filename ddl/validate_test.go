package ddl

import (
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/subtest"
	"mcollective/rpc"
	"mcollective/value"
)

type sym = value.Symbol

// TestRubysJudgement replays calls that Ruby's own validation judged.
func TestRubysJudgement(t *testing.T) {
	d := readDefinition(t, "testdata/help/agent-sample.yaml")
	data, err := os.ReadFile("testdata/calls.json")
	if err != nil {
		t.Fatal(err)
	}
	root, err := jsonNode(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(root.Content) < 400 {
		t.Fatalf("only %d calls", len(root.Content))
	}
	for _, n := range root.Content {
		r := &reader{file: "calls.json"}
		m := r.mapping(n, "call", "action", "data", "error")
		node, _ := m.get("data")
		call, _ := r.value(node, 0).(*value.Map)
		if r.err != nil {
			t.Fatal(r.err)
		}
		want, got := m.text("error", ""), ""
		err := d.Validate(m.text("action", ""), call)
		if err != nil {
			got = err.Error()
			if e := (*rpc.Error)(nil); !errors.As(err, &e) || e.Status != rpc.InvalidData {
				t.Errorf("%#v", err)
			}
		}
		if got != want {
			t.Errorf("line %d: %q, Ruby: %q", n.Line, got, want)
		}
	}
}

func one(in Input) *Definition {
	in.Name = "x"
	return &Definition{Kind: Agent, Metadata: rpc.Metadata{Agent: "a"}, Actions: []*Action{{Name: "go", Inputs: []*Input{&in}}}}
}

func TestValidators(t *testing.T) {
	const no = "Cannot validate input x: "
	for _, test := range []struct {
		validator string
		value     any
		want      string
	}{
		{"service_name", "httpd@1:x.y-z_", ""},
		{"service_name", "a b", no + "a b is not a valid service name"},
		{"service_name", "", no + " is not a valid service name"},
		{"package_name", "libc6.1-dev_x", ""},
		{"package_name", "a:b", no + "a:b is not a valid package name"},
		{"ipaddress", "::1", ""},
		{"ipaddress", "10.0.0.1", ""},
		{"ipaddress", "x", no + "value should be an IP address"},
		{"puppet_variable", "a", ""},
		{"puppet_variable", "1", no + "Invalid variable name '1' specified"},
		{"puppet_variable", "12", ""},
		{"puppet_variable", "a$", no + "value should not have $ in it"},
		{"puppet_variable", "", no + "Invalid variable name '' specified"},
		{"puppet_tags", "one,two::three", ""},
		{"puppet_tags", "one,tw-o", no + "Invalid variable name 'tw-o' specified"},
		{"puppet_resource", "File[/etc/hosts]", ""},
		{"puppet_resource", "File[]", no + "'File[]' is not a valid resource name"},
		{"puppet_resource", "Fi le[x]", no + "'Fi le[x]' is not a valid resource name"},
		{"puppet_server_address", "puppet.example.net:8140", ""},
		{"puppet_server_address", "puppet", ""},
		{"puppet_server_address", "[::1]:8140", ""},
		{"puppet_server_address", "pup pet", no + "The hostname 'pup pet' is not a valid hostname"},
		{"puppet_server_address", "puppet:x", no + "The port 'x' is not a valid puppet master port"},
		{"nettest_fqdn", "a.example.net", ""},
		{"nettest_fqdn", "10.0.0.1", ""},
		{"nettest_fqdn", "-a", no + "value should be a valid fqdn"},
		{"nettest_server_address", "1host:80", ""},
		{"nettest_server_address", "host", no + "The address 'host' must include both a hostname and port"},
		{"nettest_server_address", "h_t:80", no + "The hostname 'h_t' is not a valid hostname"},
		{"nettest_server_address", "host:http", no + "The port 'http' is not a valid port"},
		{"exim_msgid", "1Svk5S-0001AW-I5", ""},
		{"exim_msgid", "x", no + "Not a valid Exim Message ID"},
		{"shellSafe", "a|b", no + "value should not have | in it"},
		{"shellsafe", "a\xff", no + "invalid byte sequence in UTF-8"},
		{"shellsafe", value.Binary("\xff;"), no + "value should not have ; in it"},
		{"shellsafe", &value.String{Bytes: "a\x00", Encoding: "UTF-16LE"}, no + "incompatible encoding regexp match (US-ASCII regexp with UTF-16LE string)"},
		{"integer", "a", no + "value should be a integer"},
		{"length", "a", no + "wrong number of arguments (given 1, expected 2)"},
		{"mine", "a", no + "Unknown validator: 'mine'."},
	} {
		t.Run(subtest.Name(test.validator, test.value), func(t *testing.T) {
			for _, in := range []Input{{Type: String, Validation: Validation{Validator: test.validator}}, {Type: Type(test.validator)}} {
				got := ""
				if err := one(in).Validate("go", value.NewMap("x", test.value)); err != nil {
					got = err.Error()
				}
				if got != test.want {
					t.Errorf("%s %#v: %q, want %q", test.validator, test.value, got, test.want)
				}
			}
		})
	}
	for _, name := range validatorNames() {
		if err := validate(name, nil); err == nil || strings.Contains(err.Error(), "Unknown") {
			t.Errorf("%s: nil gives %v", name, err)
		}
	}
}

func TestTexts(t *testing.T) {
	regexp := func(s string) Input { return Input{Type: String, Validation: Validation{Regexp: s}} }
	for _, test := range []struct {
		in    Input
		value any
		want  string // "" is valid
	}{
		{regexp("a"), "a\xff", "invalid byte sequence in UTF-8"},
		{regexp("^.{3}$"), value.Binary("\xff\xc3\xa4"), ""},
		{regexp("é"), value.Binary("\xff"), "incompatible encoding regexp match (UTF-8 regexp with ASCII-8BIT string)"},
		{regexp("a"), &value.String{Bytes: "a", Encoding: "ISO-8859-1"}, ""},
		{regexp("a"), &value.String{Bytes: "a\xe4", Encoding: "ISO-8859-1"}, "incompatible encoding"},
		{regexp("(?=a)"), "a", "of which it cannot be told"},
		{regexp("("), "a", "of which it cannot be told"},
		{regexp("(a*)*(b*)*$x"), strings.Repeat("a", 1<<24), "too long"},
		{Input{Type: String, MaxLength: 2}, "äöü", "Input string is longer than 2 character(s)"},
		{Input{Type: String, MaxLength: 3}, value.Binary("äö"), "Input string is longer than 3 character(s)"},
		{Input{Type: String}, (*value.String)(nil), "value should be a string"},
		{Input{Type: Integer}, big.NewInt(1), ""},
		{Input{Type: Integer}, int32(1), ""},
		{Input{Type: Integer}, (*big.Int)(nil), "value should be a integer"},
		{Input{Type: Hash}, value.NewMap(), ""},
		{Input{Type: Hash}, (*value.Map)(nil), "value should be a hash"},
		{Input{Type: Array}, []any{}, ""},
		{Input{Type: Array}, "a", "value should be a array"},
		{Input{Type: Any}, nil, ""},
		{Input{Type: List, List: []any{[]any{int64(1), "a"}, value.NewMap("k", 1.5)}}, []any{1.0, "a"}, ""},
		{Input{Type: List, List: []any{[]any{int64(1), "a"}, value.NewMap("k", 1.5)}}, "x", `value should be one of 1, a, {"k"=>1.5}`},
		{Input{Type: String, Validation: Validation{Class: "Numeric"}}, "x", "value should be a Numeric"},
		{Input{Type: String, Validation: Validation{Class: "Comparable"}}, "x", ""},
	} {
		t.Run(subtest.Name(test.value), func(t *testing.T) {
			err := one(test.in).Validate("go", value.NewMap(sym("x"), test.value))
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%+v of %.40v: %v, want %q", test.in, test.value, err, test.want)
			}
		})
	}
}

func TestBothKeysAreJudged(t *testing.T) {
	d := one(Input{Type: Integer})
	for _, data := range []*value.Map{value.NewMap("x", int64(1), sym("x"), "bad"), value.NewMap("x", "bad", sym("x"), int64(1))} {
		if d.Validate("go", data) == nil {
			t.Errorf("%v passes", data)
		}
	}
	if err := d.Validate("go", nil); err == nil || err.Error() != "Action go needs a x argument" {
		t.Errorf("no data gives %v", err)
	}
}

func TestValidateQuery(t *testing.T) {
	with := readDefinition(t, "testdata/help/data-fstat_data.yaml")
	without, err := Parse("x.yaml", []byte("data: x\noutput: {a: }"))
	if err != nil {
		t.Fatal(err)
	}
	hollow, err := Parse("x.yaml", []byte("data: x"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		d     *Definition
		query any
		want  string
	}{
		{with, "/etc/hosts", ""},
		{with, "", "Cannot validate input query: value should match (?-mix:.+)"},
		{with, nil, "Cannot validate input query: value should be a string"},
		{with, int64(1), "Cannot validate input query: value should be a string"},
		{without, nil, ""},
		{without, "a", "No data plugin argument was declared in the x DDL but an input was supplied"},
		{hollow, nil, "No output has been defined in the DDL for data plugin x"},
		{one(Input{}), nil, "No dataquery has been defined in the DDL for data plugin "},
	} {
		t.Run(subtest.Name(test.query), func(t *testing.T) {
			got := ""
			if err := test.d.ValidateQuery(test.query); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("%s %#v: %q, want %q", test.d.Metadata.Name, test.query, got, test.want)
			}
		})
	}
}

func TestComplete(t *testing.T) {
	a := readDefinition(t, "testdata/help/agent-sample.yaml").Action("need")
	data := value.NewMap(sym("first"), "x")
	a.Complete(data)
	if diff := cmp.Diff(value.NewMap(sym("first"), "x", sym("second"), int64(5)), data); diff != "" {
		t.Error(diff)
	}
	data = value.NewMap("second", int64(6))
	a.Complete(data)
	if diff := cmp.Diff(value.NewMap("second", int64(6)), data); diff != "" {
		t.Error(diff)
	}
}

func TestReply(t *testing.T) {
	list := []any{"a", value.NewMap("k", "v")}
	a := &Action{Outputs: []*Output{{Name: "one"}, {Name: "two", Default: list}}}
	r := a.Reply()
	if diff := cmp.Diff(value.NewMap(sym("one"), nil, sym("two"), list), r.Data); diff != "" || r.Message != "OK" {
		t.Error(diff, r.Message)
	}
	two, _ := r.Output("two")
	two.([]any)[0] = "changed"
	two.([]any)[1].(*value.Map).Set("k", "changed")
	if list[0] != "a" || list[1].(*value.Map).Pairs[0].Value != "v" {
		t.Error("a reply changed the definition")
	}
}

func TestCoerce(t *testing.T) {
	d, err := Parse("x.yaml", []byte(`
agent: x
actions:
  go:
    input:
      s:
      b: {type: boolean}
      i: {type: integer}
      f: {type: float}
      n: {type: number}
      l: {list: [a, 1, true, 2.5]}
      h: {type: hash}
      a: {type: array}
      v: {type: any}
      address: {type: ipv4address}
`))
	if err != nil {
		t.Fatal(err)
	}
	a := d.Action("go")
	for _, test := range []struct {
		input, text string
		want        any // a string that ends in "!" is an error
	}{
		{"s", "1", "1"}, {"other", "1", "1"}, {"address", "1.2.3.4", "1.2.3.4"},
		{"b", "TRUE", true}, {"b", "y", true}, {"b", "0", false}, {"b", "No", false},
		{"b", "maybe", "maybe does not look like a boolean argument!"},
		{"i", "12", int64(12)}, {"i", "-3", int64(-3)}, {"i", "1.5", 1.5}, {"i", "1e3", "1e3 does not look like a number!"},
		{"i", "", " does not look like a number!"}, {"i", "99999999999999999999", "99999999999999999999 is beyond 64 bits!"},
		{"i", "0x1", "0x1 does not look like a number!"}, {"i", "1\n", "1\n does not look like a number!"},
		{"f", "5", 5.0}, {"f", "1.25", 1.25}, {"f", ".5", ".5 does not look like a number!"},
		{"n", "7", int64(7)}, {"n", "7.0", 7.0},
		{"l", "a", "a"}, {"l", "1", int64(1)}, {"l", "true", true}, {"l", "2.5", 2.5}, {"l", "zzz", "zzz"},
		{"h", `{"b": 1, "a": {"c": [null]}}`, value.NewMap("b", int64(1), "a", value.NewMap("c", []any{nil}))},
		{"h", "[1]", "[1] does not look like a JSON object for h: not an object!"},
		{"a", `["x", 1.0]`, []any{"x", 1.0}}, {"a", "a, b,,c", []any{"a", "b", "c"}}, {"a", "", []any{}}, {"a", "[]", []any{}},
		{"v", `{"a": true}`, value.NewMap("a", true)}, {"v", "word", "word"}, {"v", "1 2", "1 2"},
	} {
		t.Run(subtest.Name(test.input, test.text), func(t *testing.T) {
			got, err := a.Coerce(test.input, test.text)
			if err != nil {
				got = err.Error() + "!"
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s=%s: %s", test.input, test.text, diff)
			}
		})
	}
	if _, err := a.Coerce("a", strings.Repeat("[", 1000)); err == nil {
		t.Error("a deep array is taken")
	}
	if got := a.Suggest("adress"); got != "address" {
		t.Errorf("adress suggests %q", got)
	}
	if got := a.Suggest("address") + a.Suggest("completely"); got != "" {
		t.Errorf("suggests %q", got)
	}
}
