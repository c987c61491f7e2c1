package ddl_test

import (
	"strings"
	"testing"

	"mcollective/ddl"
	"mcollective/filter"
)

func TestCheckFunction(t *testing.T) {
	d, err := ddl.Parse("fstat.yaml", []byte(`
data: fstat
query: {type: string, max_length: 10, required: true}
output:
  present: {type: integer}
  link: {type: boolean}
  type: {type: string}
  md5: {}
`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"fstat('/x').present=1": "", "fstat('/x').present>=0x1f": "", "fstat('/x').present != 1.5": "", "fstat('/x').present=-1": "",
		"fstat('/x').link=true": "", "fstat('/x').link != false": "",
		"fstat('/x').type=file": "", "fstat('/x').type=/file|dir/": "", "fstat('/x').type!=dir": "",
		"fstat('/x').md5>a": "", // it says of no type

		"fstat('/x').presnt=1":           "the data function fstat has no output presnt; did you mean 'present'?",
		"fstat('/x').owner=1":            "has no output owner; it has present, link, type, md5",
		"fstat('/x')=1":                  "without the name of an output",
		"fstat('/x').present=true":       "fstat(...).present is a number and is never == true",
		"fstat('/x').present=/1/":        "is a number",
		"fstat('/x').link=1":             "is true or false",
		"fstat('/x').link>true":          "is true or false",
		"fstat('/x').type>file":          "is a text, which has no order",
		"fstat('/a/long/name').type=dir": "Cannot validate input query",
		"fstat().type=dir":               "Cannot validate input query",
	} {
		c, err := filter.ParseCompound(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		err = d.CheckFunction(c[0].Call)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
