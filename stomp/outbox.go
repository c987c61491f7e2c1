package stomp

// An outbox holds encoded frames until a session writes them, all in one write
// where it can. The Client's mutex guards it.
type outbox struct {
	version Version // of the connection that the frames are for
	codec   Version // how their fields are escaped
	waiting batch
	flying  batch // taken by the session's writer
	spare   batch
}

// A batch is frames end to end.
type batch struct {
	buf   []byte
	marks []mark
}

// mark is the end of a frame in a batch, and whether the frame makes sense on
// another connection too.
type mark struct {
	end  int
	keep bool
}

// keepWrite is how large a write buffer may be to be kept for the next batch.
const keepWrite = 64 << 10

// add encodes a frame at the end of the line.
func (o *outbox) add(f *Frame, keep bool) error {
	buf, err := AppendFrame(o.waiting.buf, o.codec, f)
	if err != nil {
		return err
	}
	o.waiting.buf = buf
	o.waiting.marks = append(o.waiting.marks, mark{len(buf), keep})
	return nil
}

// take hands all waiting frames to the writer, nil when there are none.
func (o *outbox) take() []byte {
	if len(o.waiting.buf) == 0 {
		return nil
	}
	o.flying, o.waiting, o.spare = o.waiting, o.spare, batch{}
	return o.flying.buf
}

// written says that the first n bytes of what was taken are written.
func (o *outbox) written(n int) {
	if n < len(o.flying.buf) {
		o.flying.drop(n)
		return
	}
	o.spare, o.flying = o.flying, batch{}
	if cap(o.spare.buf) > keepWrite {
		o.spare = batch{}
	}
	o.spare.buf, o.spare.marks = o.spare.buf[:0], o.spare.marks[:0]
}

// drop forgets the frames of which all bytes lie before n.
func (b *batch) drop(n int) {
	start, i := 0, 0
	for i < len(b.marks) && b.marks[i].end <= n {
		start = b.marks[i].end
		i++
	}
	b.buf, b.marks = b.buf[start:], b.marks[i:]
	for j := range b.marks {
		b.marks[j].end -= start
	}
}

// carry keeps of a broken connection's frames those that the next one shall
// write, the one that was written in part among them.
func (o *outbox) carry() {
	var all batch
	for _, b := range []batch{o.flying, o.waiting} {
		start := 0
		for _, m := range b.marks {
			if m.keep {
				all.buf = append(all.buf, b.buf[start:m.end]...)
				all.marks = append(all.marks, mark{len(all.buf), true})
			}
			start = m.end
		}
	}
	o.waiting, o.flying = all, batch{}
}

// adopt prepares the outbox for a connection of a version. It returns how many
// frames had to be given up, since they are written in another one.
func (o *outbox) adopt(v, codec Version) (lost int) {
	if v != o.version && len(o.waiting.marks) > 0 {
		lost = len(o.waiting.marks)
		o.waiting = batch{}
	}
	o.version, o.codec = v, codec
	return lost
}

// messages counts the frames that carry would keep.
func (o *outbox) messages() (n int) {
	for _, b := range []batch{o.flying, o.waiting} {
		for _, m := range b.marks {
			if m.keep {
				n++
			}
		}
	}
	return n
}
