package marshal

import "io"

// An Encoder writes values to a stream one after the other, each as
// Marshal.dump(value, io) would: with a header of its own.
type Encoder struct {
	w   io.Writer
	buf []byte
}

// NewEncoder returns an encoder that writes to w.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{w: w} }

// Encode writes one value with a single call of Write. If the value cannot be
// encoded nothing is written.
func (e *Encoder) Encode(v any) error {
	b, err := AppendMarshal(e.buf[:0], v)
	if err != nil {
		return err
	}
	if e.buf = b; cap(b) > keepBuffer {
		e.buf = nil
	}
	_, err = e.w.Write(b)
	return err
}

// A Decoder reads values from a stream as repeated Marshal.load(io) would. It
// never reads past the end of the value it was asked for, so what follows in
// the stream may be anything.
type Decoder struct {
	policy Policy
	scan   scanner
}

// NewDecoder returns a decoder that reads from r under [DefaultPolicy]. It reads
// in small pieces: give it something buffered.
func NewDecoder(r io.Reader) *Decoder { return DefaultPolicy.NewDecoder(r) }

// NewDecoder returns a decoder that reads from r, each value under p as it is
// now.
func (p *Policy) NewDecoder(r io.Reader) *Decoder {
	return &Decoder{policy: p.withDefaults(), scan: scanner{r: r}}
}

// Decode reads the next value into what v points to, as [Policy.Unmarshal]
// does. At the end of the stream it returns [io.EOF]; in the middle of a value
// that is [io.ErrUnexpectedEOF], inside a [*SyntaxError]. After an error in the
// bytes the stream has no known position and later calls return the same error;
// a value that does not fit into v does not matter to the next.
func (d *Decoder) Decode(v any) error {
	data, err := d.scan.next(&d.policy)
	if err != nil {
		return err
	}
	return d.policy.Unmarshal(data, v)
}
