package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// referenceJSON is decodeJSON by encoding/json.
func referenceJSON(data []byte, lim limits) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("json: not UTF-8")
	}
	d := referenceDecoder{limits: lim, dec: json.NewDecoder(bytes.NewReader(data))}
	d.dec.UseNumber()
	v, err := d.value(0)
	if err == nil {
		if _, e := d.dec.Token(); !errors.Is(e, io.EOF) {
			err = errors.New("more than one value")
		}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("json: at byte %d: %w", d.dec.InputOffset(), err)
	}
	return v, nil
}

type referenceDecoder struct {
	limits
	dec *json.Decoder
}

func (d *referenceDecoder) value(depth int) (any, error) {
	if err := d.spend(depth); err != nil {
		return nil, err
	}
	t, err := d.dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		if strings.ContainsAny(t.String(), ".eE") {
			return t.Float64()
		}
		return integer(t.String())
	case json.Delim:
		if t == '[' {
			return d.list(depth)
		}
		return d.object(depth)
	}
	return t, nil // nil, bool, string
}

func (d *referenceDecoder) list(depth int) (any, error) {
	list := []any{}
	for d.dec.More() {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.dec.Token()
	return list, err
}

func (d *referenceDecoder) object(depth int) (any, error) {
	var b hashBuilder
	for d.dec.More() {
		k, err := d.dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if err := b.add(k, v); err != nil {
			return nil, err
		}
	}
	if _, err := d.dec.Token(); err != nil {
		return nil, err
	}
	return d.scalar(unmark(b.hash()))
}

// FuzzJSON: what is read, and what is refused, is as encoding/json has it.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`null`, `true`, `false`, `tru`, `nul`, `nulll`, `0`, `-0`, `01`, `-`, `+1`, `1.`, `.5`, `1.5`, `1e5`, `1E+5`, `1e`, `1e400`, `-1.5e-3`, `12345678901234567890`, `0x1`,
		`""`, `"a"`, `"a`, `"\n\u0041\ud83d\ude00"`, `"\ud800"`, `"\ud800\u0041"`, `"\x"`, `"\u00"`, `"\`, "\"a\nb\"", "\"\x7f\"", "\"\xff\"", `"\"\\\/"`,
		`[]`, `[1,2]`, `[1 2]`, `[1,]`, `[,1]`, `[`, `]`, `[[[]]]`, ` [ 1 , "a" , { } ] `, `{}`, `{"a":1}`, `{"a" 1}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{a:1}`, `{1:1}`,
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"!binary":"AA=="}`, `{"!regexp":"a","options":7}`, `{"!!x":1}`, `{"!x":1}`, `{"!float":"nan"}`, `1 2`, `{} {}`, "\ufeff1", "1\n", "\x00", "1\x00",
		`{"a":{"b":[1,{"c":null}]},"d":"e","f":1,"g":2,"h":3,"i":4,"j":5,"k":6,"l":7,"a":8}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, p := range []limits{limitsOf(requestBody), limitsOf(replyBody), {bytes: 1 << 20, depth: 3, values: 10}} {
			got, err := decodeJSON(s, p)
			want, wantErr := referenceJSON([]byte(s), p)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%q: error %v, that of encoding/json is %v", s, err, wantErr)
			}
			// Numbers that are none are equal to nothing.
			if err == nil && !reflect.DeepEqual(got, want) && !strings.Contains(fmt.Sprint(want), "NaN") {
				t.Fatalf("%q is %#v, by encoding/json %#v", s, got, want)
			}
		}
	})
}

func BenchmarkDecodeJSON(b *testing.B) {
	const in = `{"version":1,"type":"reply","id":"7d827a9dde2556b9a293f86e5460a7e5","request":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE","node":"web1.example.com","agent":"discovery","time":1795336394,"body":"pong"}`
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeJSON(in, limitsOf(replyBody)); err != nil {
			b.Fatal(err)
		}
	}
}
