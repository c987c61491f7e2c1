package ruby

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mcollective/internal/subtest"
)

// TestNotTheLanguage: each of these ends with an error that names the line and
// the construct.
func TestNotTheLanguage(t *testing.T) {
	for src, want := range map[string]string{
		"`touch x`":                       "a command in backticks is not part of the DDL language",
		"%x(touch x)":                     "`%x` (a command)",
		"system('x')":                     "`system` is not part",
		"exec 'x'":                        "`exec` is not part",
		"File.read('/etc/passwd')":        "the constant `File` is not part",
		"x = ENV['HOME']":                 "the constant `ENV`",
		"MCollective::Config.instance":    "the constant `MCollective::Config`",
		"::Kernel.exit":                   "the constant `Kernel`",
		"'x'.class":                       "`String#class`",
		"eval('1')":                       "`eval` is not part",
		"instance_eval { 1 }":             "`instance_eval` is not part",
		"'x'.send(:upcase)":               "`String#send`",
		"'x'.instance_variable_get('@a')": "`String#instance_variable_get`",
		"[].method(:push)":                "`Array#method`",
		"require 'x'":                     "`require` is not part",
		"load 'x'":                        "`load` is not part",
		"$stdout.puts 1":                  "the global variable `$stdout.puts`",
		"begin; 1; rescue; 2; end":        "`rescue` is not part",
		"class X; end":                    "`class` is not part",
		"module X; end":                   "`module` is not part",
		"x = lambda { 1 }":                "`lambda`",
		"x = ->(a) { a }":                 "(a lambda)",
		"@@x = 1":                         "the instance variable",
		"@entities = {}":                  "the instance variable",
		"self":                            "`self` is not part",
		"__FILE__":                        "`__FILE__` is not part",
		"yield":                           "`yield` is not part",
		"alias a b":                       "`alias` is not part",
		"'a'.encode('UTF-16')":            "`String#encode`",
		"nil.foo":                         "`foo` cannot be called on nil",
		"nosuch":                          "`nosuch` is neither a variable nor part",
		"1 +":                             "the file ends where a value should stand",
		"if true":                         "the `if` of line 1 has no `end`",
		"run do":                          "the `do` of line 1 has no `end`",
		"(1":                              "the parenthesis of line 1 is not closed",
		"[1, 2":                           "expected a comma or the `]` of line 1, found the end of the file",
		"[1 2]":                           "expected a comma or the `]` of line 1, found `2]`",
		"'abc":                            "the string that begins here has no end",
		"/abc":                            "the regular expression that begins here has no end",
		"<<X\nabc":                        "has no line `X` at its end",
		"=begin\nx":                       "has no =end",
		"end":                             "`end` stands where nothing can",
		"{1 => 2, 3}":                     "a value without a key",
		"1 / 2":                           "`Integer#/` is not part",
		"2 ** 64":                         "is not part",
		"9 * 9223372036854775807":         "does not fit into 64 bits",
		"99999999999999999999":            "is not a number that can be held",
		"1 + 'a'":                         "needs an integer on its right, not String",
		"'a' + 1":                         "`+` needs a string, not Integer",
		"break":                           "`break` is not part",
		"return 1":                        "`return` is not part",
		"raise 'old ruby'":                "`raise` is not part",
		"refuse 1":                        "refused",
		"a, b = 1, 2":                     "a list of values or variables without brackets is not part",
		"def f(x) x end; f":               "`f` of line 1 was given 0 arguments, it takes 1",
		"format('%d', 1)":                 "`format` is not part",
		"'%d' % 1":                        "`String#%` is not part",
		"x = 1 until true":                "`until` is not part",
		"for a in [1] do a end":           "`for` is not part",
		"[*[1]]":                          "`*` before an argument is not part",
		"*a = 1":                          "`*` before a value is not part",
		"[1].map(&:to_s)":                 "`&` before an argument is not part",
		"nil&.to_s":                       "`&.` is not part",
		"?a":                              "a character behind `?` is not part",
		"def f(*a) a end":                 "a parameter that is more than a name",
		"(1..3).to_a":                     "`Range#to_a` is not part",
		"[1].select { |x| x }":            "`Array#select` is not part",
		"x = {}; x[1] = 2":                "an assignment to `[]` is not part",
		"'a'.reverse":                     "`String#reverse` is not part",
		"1.5 * 2":                         "`Float#*` is not part",
		"[3, nil].sort":                   "`Array#sort` is not part",
		"{:a => 1}.fetch(:b)":             "`Hash#fetch` is not part",
		"'x' =~ /(/":                      "cannot be applied",
		"show 1..2":                       "", // a range is a value
		"def f; f; end; f":                "more than 1500 evaluations inside each other",
		"x = 1 while true":                "`while` is not part",
		strings.Repeat("(", 900):          "too many constructs inside each other",
		strings.Repeat("[", 9999):         "too many constructs inside each other",
		strings.Repeat("!", 9999) + "1":   "too many constructs inside each other",
		"1" + strings.Repeat("+1", 9999):  "more than 1500 evaluations inside each other",
		`"` + strings.Repeat(`#{"`, 900):  "too many constructs inside each other",
		strings.Repeat(`show "#{`, 40) + "File" + strings.Repeat(`}"`, 40):                                     "the constant `File`",
		"s = 'xx'; " + strings.Repeat("s = s + s; ", 30):                                                       "bytes of values",
		"a = [1]; " + strings.Repeat("a = a + a; ", 30):                                                        "bytes of values",
		"a = 1; " + strings.Repeat("a = [a, a]; ", 40) + "show a":                                              "more than 1048576 steps",
		"a = 1; " + strings.Repeat("a = [a, a]; ", 40) + "{a => 1}":                                            "more than 1048576 steps",
		"x = 'a'; " + strings.Repeat("x = x + x; ", 17) + "x =~ /" + strings.Repeat("(a{99}b{9})*", 20) + "c/": "more than 1048576 steps",
		strings.Repeat("x", MaxSource+1):                                                                       "more than the 1048576",
	} {
		t.Run(subtest.Name(src), func(t *testing.T) {
			start := time.Now()
			err := Eval("x.ddl", []byte(src), &capture{})
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%.60q took %v", src, took)
			}
			switch {
			case want == "" && err != nil:
				t.Errorf("%.60q: %v", src, err)
			case want == "":
			case err == nil:
				t.Errorf("%.60q is accepted; want an error with %q", src, want)
			case !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "x.ddl:"):
				t.Errorf("%.60q: %v; want an error with %q", src, err, want)
			}
		})
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	src := "x = 1\n\n# comment\n=begin\nmore\n=end\ny = [1,\n  2].map do |v|\n  v + 1\nend\nz = <<A + 'b'\ntext\nA\nw = File\n"
	var e *Error
	if err := Eval("x.ddl", []byte(src), &capture{}); !errors.As(err, &e) || e.Line != 14 || e.File != "x.ddl" {
		t.Errorf("%v; want line 14", err)
	}
	if err := Eval("x.ddl", []byte("run do\n  refuse\nend"), &capture{}); !errors.Is(err, errRefused) || !strings.HasPrefix(err.Error(), "x.ddl:2: ") {
		t.Errorf("%v; want what the host said, and line 2", err)
	}
}

func TestCalls(t *testing.T) {
	for src, want := range map[string]string{
		"show :a, :b => 1, 'c' => 2":               `:a {:b=>1, "c"=>2}`,
		"show(:a, b: 1)":                           `:a {:b=>1}`,
		"show [1].join do |x| x end":               `"1"`, // the block is show's
		"show:a   => 1, :b => 2":                   `{:a=>1, :b=>2}`,
		"show -1":                                  `-1`,
		"show :a,\n  :b,\n  # comment\n  :c":       `:a :b :c`,
		"show \"a\" \\\n  \"b\"":                   `"ab"`,
		"run { show respond_to?(:run) }":           `true`,
		"show(1) if respond_to?(:show)":            `1`,
		"show 1 unless respond_to? :nosuch":        `1`,
		"def f\n  show 1\nend\nrun { f }":          `1`,
		"show 1\n__END__\n)(":                      `1`,
		"show 1\r\nshow 'a\r\nb'\r\n":              `1 "a\nb"`,
		"show({:a => 1})\nshow [{:a => 1}]":        `{:a=>1} [{:a=>1}]`,
		"show :a => {:b => [1, {:c => nil}]}":      `{:a=>{:b=>[1, {:c=>nil}]}}`,
		"%w(a b).each do |x|\n  show x\nend":       `"a" "b"`,
		"show <<A, :k => <<-B\none\nA\n  two\n  B": `"one\n" {:k=>"  two\n"}`,
		"x = true\nshow x ? :a : :b":               `:a`,
		"x = 3\nshow x -2":                         `1`,
		"x = {:a => 1}\nshow x[:a], x [:a]":        `1 1`,
	} {
		t.Run(subtest.Name(src), func(t *testing.T) {
			h := &capture{}
			if err := Eval("x.ddl", []byte(src), h); err != nil || strings.Join(h.shown, " ") != want {
				t.Errorf("%q shows %s (%v), want %s", src, strings.Join(h.shown, " "), err, want)
			}
		})
	}
}

func FuzzEval(f *testing.F) {
	for _, src := range expressions(f) {
		f.Add(src)
	}
	f.Add("run do |a, d = 1| show a, <<-X, \"#{x ||= [1]}\"\n X\n end if true")
	f.Fuzz(func(t *testing.T, src string) {
		err := Eval("x.ddl", []byte(src), &capture{})
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Line < 1 || e.File != "x.ddl") {
			t.Errorf("%v (%T) does not name file and line", err, err)
		}
	})
}

// Errors before the first call name a line, too.
func TestErrorsNameALine(t *testing.T) {
	for _, src := range []string{
		"i=0;while 0 end", "until nil;end", "[].dig", "&nil", "*[1]", "x = 1\n1 while x", "{}.fetch(:x)",
	} {
		err := Eval("x.ddl", []byte(src), &capture{})
		var e *Error
		if !errors.As(err, &e) || e.Line < 1 || e.File != "x.ddl" {
			t.Errorf("%q: %v (%T) does not name file and line", src, err, err)
		}
	}
}

type words struct{ heard []string }

func (*words) Has(name string) bool { return name == "greet" }

func (w *words) Call(c *Call) (any, bool, error) {
	for _, a := range c.Args {
		w.heard = append(w.heard, c.Text(a))
	}
	return nil, c.Name == "greet", nil
}

func ExampleEval() {
	w := &words{}
	fmt.Println(Eval("hello.rb", []byte(`%w(moon sun).each { |x| greet "hello #{x.upcase}" }`), w), w.heard)
	fmt.Println(Eval("evil.rb", []byte("\ngreet `id`"), w))
	// Output:
	// <nil> [hello MOON hello SUN]
	// evil.rb:2: a command in backticks is not part of the DDL language: definitions are read, never executed, and may use plain values only
}
