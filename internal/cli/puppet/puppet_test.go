package puppet

import (
	"testing"

	"mcollective/internal/cli/application"
	"mcollective/internal/cli/application/applicationtest"
)

func TestWords3(t *testing.T) {
	pp := &puppet{}
	app := &application.Application{Agent: "puppet", Words: pp.words, Flags: pp.flags}
	for _, test := range []struct{ line, want string }{
		{"disable on the move", "disable message=on the move"},
		{"resource service httpd ensure=stopped", "resource ensure=stopped type=service name=httpd"},
		{"runonce --no-splay --tags a --tags b,c", "runonce splay=false tags=a,b,c"},
		{"runonce --splay --no-splay", "Cannot mix --splay and --no-splay"},
	} {
		t.Run(test.line, func(t *testing.T) {
			if got := applicationtest.Read(app, test.line); got != test.want {
				t.Errorf("%s: %s\nwant %s", test.line, got, test.want)
			}
		})
	}
}

func TestHistograms(t *testing.T) {
	if got := histogram([]float64{5}, 4); got != "▇▁▁▁" {
		t.Error(got)
	}
	if got := histogram([]float64{0, 0, 0, 1, 4}, 4); got != "▇▃▁▃" {
		t.Error(got)
	}
}
