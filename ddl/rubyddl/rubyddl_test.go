package rubyddl

import (
	"errors"
	"os"
	"strings"
	"testing"

	"mcollective/ddl"
	"mcollective/ddl/internal/ruby"
	"mcollective/internal/subtest"
)

const rubyMetadata = `metadata :name => "n", :description => "d", :author => "a", :license => "l", :version => "1", :url => "u", :timeout => 5` + "\n"

func TestRubyRefused(t *testing.T) {
	inAction := func(s string) string { return `action "x", :description => "d" do` + "\n" + s + "\nend" }
	input := `input :i, :prompt => "p", :description => "d", :optional => true, `
	for src, want := range map[string]string{
		`metadata :name => "n"`: "x.ddl:2: metadata needs a :description property",
		`metadata "n"`:          "the properties of metadata are \"n\": write them as `:name => value`",
		strings.Replace(rubyMetadata, "5", `"soon"`, 1):                            `the :timeout of metadata is "soon": a number of seconds is needed`,
		strings.Replace(rubyMetadata, ":url", `"url"`, 1):                          `metadata needs a :url property; "url" is there as a string, write :url`,
		`requires :puppet => "3"`:                                                  "requirement puppet is not a valid requirement",
		`action "x"`:                                                               "action needs properties",
		`action "x", :desc => "d"`:                                                 "action x needs a :description property",
		`input :i, :optional => true`:                                              "input stands outside of an action",
		`output :o, :description => "d"`:                                           "output stands outside of an action",
		inAction(`input :i, :prompt => "p"`):                                       "x.ddl:3: input i needs a :optional property",
		inAction(input + `:type => :string, :maxlength => 1`):                      "input i of type :string needs a :validation property",
		inAction(input + `:type => :string, :validation => '.', :max_length => 1`): "input i of type :string needs a :maxlength property; is :max_length meant to be it?",
		inAction(input + `:type => :list`):                                         "input i of type :list needs a :list property",
		inAction(input + `:type => :list, :list => "a b"`):                         "not a list",
		inAction(`output :o, :description => "d"`):                                 "output o needs a :display_as property",
		inAction(`display :never`):                                                 "display preference :never is not valid, should be :ok, :failed, :flatten or :always",
		inAction(`aggregate "x"`):                                                  "functions supplied to aggregate should be a hash",
		inAction("summarize do\naggregate sum(:o), :form => 1\nend"):               "x.ddl:4: formats supplied to aggregation functions must have a :format key",
		inAction("summarize do\naggregate sum(:o), 1\nend"):                        "formats supplied to aggregation functions should be a hash",
		inAction("ouput :o"):                                                       "`ouput` is not part of the DDL language; did you mean `output`?",
		inAction("x") + "\n" + `dataquery :description => "d"`:                     "`x` is neither a variable nor part",
		inAction("") + "\n" + `dataquery :description => "d"`:                      "dataquery is for the definition of a data plugin, and this one is of a agent plugin",
		"dataquery :description => 'd' do\ninput :other, {}\nend":                  "the only valid input name for a data query is 'query', not :other",
		"dataquery :description => 'd'\ndataquery :description => 'd'":             "data queries can only have one definition",
		"discovery do\ncapabilities :magic\nend":                                   "magic is not a valid capability",
		"discovery do\ncapabilities\nend":                                          "capabilities can't be empty",
		"capabilities :facts":                                                      "capabilities stands outside of a discovery block",
		"usage":                                                                    "usage has 0 arguments",
		"usage File.read('/etc/passwd')":                                           "the constant `File` is not part of the DDL language",
	} {
		t.Run(subtest.Name(src), func(t *testing.T) {
			_, err := Parse("x.ddl", []byte("\n"+src))
			var e *ruby.Error
			if !errors.As(err, &e) || e.File != "x.ddl" || !strings.Contains(err.Error(), want) {
				t.Errorf("%s\n  is refused with %v\n  want %s", src, err, want)
			}
		})
	}
}

func TestRubyNamesAndKinds(t *testing.T) {
	for file, want := range map[string]struct {
		src  string
		kind ddl.Kind
		name string
	}{
		"a/service.ddl":                   {`action "x", :description => "d"`, ddl.Agent, "service"},
		"a/fact_data.ddl":                 {`dataquery :description => "d"`, ddl.Data, "fact"},
		"discovery/mc.ddl":                {"discovery do\ncapabilities :facts\nend", ddl.Discovery, "mc"},
		"validator/length_validator.ddl":  {"", ddl.Validator, "length"},
		"x/length_validator.ddl":          {"", ddl.Validator, "length"},
		"aggregate/sum.ddl":               {"", ddl.Aggregate, "sum"},
		"connector/activemq.ddl":          {"", ddl.Connector, "activemq"},
		"plain.ddl":                       {"", ddl.Agent, "plain"},
		"mcollective/agent/empty.ddl":     {"", ddl.Agent, "empty"},
		"agent/also_an_agent_of_data.ddl": {`action "x", :description => "d"`, ddl.Agent, "also_an_agent_of_data"},
	} {
		t.Run(subtest.Name(file), func(t *testing.T) {
			d, err := Parse(file, []byte(rubyMetadata+want.src))
			if err != nil {
				t.Errorf("%s: %v", file, err)
				return
			}
			if d.Kind != want.kind || d.Metadata.Agent != want.name {
				t.Errorf("%s is a %s called %q, want a %s called %q", file, d.Kind, d.Metadata.Agent, want.kind, want.name)
			}
		})
	}
}

// Every action takes other inputs than it declares, since the language cannot say. That
// stays so in the native form.
func TestOtherInputs(t *testing.T) {
	d, err := Parse("web.ddl", []byte(rubyMetadata+"action 'a', :description => 'd' do\nend"))
	if err != nil {
		t.Fatal(err)
	}
	if !d.Action("a").OtherInputs {
		t.Error("the action takes no others")
	}
	text, err := d.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ddl.Parse("web.yaml", text); err != nil || !again.Action("a").OtherInputs {
		t.Errorf("it becomes %s: %v", text, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range ddlFiles("testdata") {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(rubyMetadata + "action 'x', :description => 'd' do\nsummarize do\naggregate sum(:o), :format => '%d'\nend\nend"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse("x.ddl", data)
		if err != nil {
			return
		}
		again, err := Parse("x.ddl", Format(d))
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, Format(d))
		}
		if string(Format(again)) != string(Format(d)) {
			t.Errorf("written:\n%s\nread and written again:\n%s", Format(d), Format(again))
		}
	})
}

func BenchmarkParseRuby(b *testing.B) {
	for _, file := range []string{"testdata/language.ddl", "/usr/lib/ruby/vendor_ruby/mcollective/agent/rpcutil.ddl"} {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		b.Run(file[strings.LastIndex(file, "/")+1:], func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(file, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
