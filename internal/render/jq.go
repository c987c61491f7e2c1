package render

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/itchyny/gojq"

	"mcollective/client"
	"mcollective/internal/safetext"
	"mcollective/rpc"
	"mcollective/value"
)

// What a jq program may use for one result.
const (
	jqTime   = 2 * time.Second
	jqValues = 100_000
)

// compileJQ compiles a program; there is none if the source is empty.
func compileJQ(source string) (*gojq.Code, error) {
	if source == "" {
		return nil, nil
	}
	query, err := gojq.Parse(source)
	if err != nil {
		hint := ""
		if e := (*gojq.ParseError)(nil); errors.As(err, &e) && e.Offset > 0 {
			hint = fmt.Sprintf(" at %q", source[:min(e.Offset, len(source))])
		}
		return nil, fmt.Errorf("the jq program %q cannot be read%s: %w; a program like '.data' or 'select(.statuscode == 0) | .sender' is applied to each result", source, hint, err)
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return nil, fmt.Errorf("the jq program %q: %w", source, err)
	}
	return code, nil
}

// jqLines writes what a jq program makes of each result, a value a line.
type jqLines struct {
	r       *Results
	program *gojq.Code
	failed  int
}

func (v *jqLines) add(sender string, reply *rpc.Reply) {
	ctx, cancel := context.WithTimeout(context.Background(), jqTime)
	defer cancel()
	values := v.program.RunWithContext(ctx, jqValue(v.r.object(sender, reply)))
	for n := 0; ; n++ {
		got, ok := values.Next()
		if !ok {
			return
		}
		err, _ := got.(error)
		if end := (*gojq.HaltError)(nil); errors.As(err, &end) && end.Value() == nil {
			return
		}
		switch {
		case n >= jqValues:
			err = fmt.Errorf("more than %d values", jqValues)
		case ctx.Err() != nil:
			err = fmt.Errorf("more than %v of work", jqTime)
		}
		if err != nil {
			if v.failed++; v.failed <= 3 {
				v.r.complain(fmt.Sprintf("%s: the jq program fails: %v", safetext.CleanLine(sender), err))
			}
			return
		}
		text, err := gojq.Marshal(got)
		if err != nil {
			v.r.complain(fmt.Sprintf("%s: %v", safetext.CleanLine(sender), err))
			return
		}
		if !v.r.o.Raw {
			text = cleanJSON(text)
		}
		v.r.out.Write(append(text, '\n'))
	}
}

func (v *jqLines) close(*client.Account, Stats) {
	if v.failed > 3 {
		v.r.complain(fmt.Sprintf("the jq program fails for %d results in all; look at one with -o jsonl", v.failed))
	}
}

// jqValue is v in the types of the jq library.
func jqValue(v any) any {
	return value.Plain(v, func(v any) any {
		switch v := v.(type) {
		case nil, bool, float64, *big.Int:
			return v
		case int64:
			return int(v)
		}
		return utf8Text(v)
	})
}

// cleanJSON escapes what a terminal would obey in a JSON text.
func cleanJSON(text []byte) []byte {
	var b []byte
	for _, r := range string(text) {
		if !safetext.Hostile(r) {
			b = append(b, string(r)...)
			continue
		}
		e := jsonEncoder{clean: true}
		e.text(string(r))
		b = append(b, e.b[1:len(e.b)-1]...)
	}
	return b
}
