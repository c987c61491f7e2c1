package stomp

import "slices"

// An outbox holds encoded frames until a session writes them, all in one write
// where it can. The Client's mutex guards it.
type outbox struct {
	version Version // of the connection that the frames are for
	codec   Version // how their fields are escaped
	waiting batch
	flying  batch // taken by the session's writer
	begun   int   // bytes written of the first frame in flying
	spare   batch
}

// A batch is frames end to end.
type batch struct {
	buf   []byte
	marks []mark
}

// A mark is the end of a frame in a batch and what is known of it.
type mark struct {
	end  int
	keep bool   // it makes sense on another connection, too
	lost int    // connections that broke while it was written
	id   uint64 // of a message whose fate somebody wants to know, else 0
}

// keepWrite is how large a write buffer may be to be kept for the next batch.
const keepWrite = 64 << 10

// add encodes a frame at the end of the line.
func (o *outbox) add(f *Frame, m mark) error {
	buf, err := AppendFrame(o.waiting.buf, o.codec, f)
	if err != nil {
		return err
	}
	o.waiting.buf = buf
	m.end = len(buf)
	o.waiting.marks = append(o.waiting.marks, m)
	return nil
}

// take hands all waiting frames to the writer, nil when there are none.
func (o *outbox) take() []byte {
	if len(o.waiting.buf) == 0 {
		return nil
	}
	o.flying, o.waiting, o.spare, o.begun = o.waiting, o.spare, batch{}, 0
	return o.flying.buf
}

// written says that the first n bytes of what was taken are written.
func (o *outbox) written(n int) {
	if n < len(o.flying.buf) {
		o.begun = n - o.flying.drop(n)
		return
	}
	o.spare, o.flying, o.begun = o.flying, batch{}, 0
	if cap(o.spare.buf) > keepWrite {
		o.spare = batch{}
	}
	o.spare.buf, o.spare.marks = o.spare.buf[:0], o.spare.marks[:0]
}

// drop forgets the frames of which all bytes lie before n. It returns their
// length.
func (b *batch) drop(n int) (start int) {
	i := 0
	for i < len(b.marks) && b.marks[i].end <= n {
		start = b.marks[i].end
		i++
	}
	b.buf, b.marks = b.buf[start:], b.marks[i:]
	for j := range b.marks {
		b.marks[j].end -= start
	}
	return start
}

// fate says how far a message with an id was written. One that is not there was
// written to its end.
func (o *outbox) fate(id uint64) fate {
	for i, m := range o.flying.marks {
		if m.id == id {
			if i == 0 && o.begun > 0 {
				return partial
			}
			return unbegun
		}
	}
	for _, m := range o.waiting.marks {
		if m.id == id {
			return unbegun
		}
	}
	return complete
}

// cancel takes a message with an id out of the line, unless the writer has it.
func (o *outbox) cancel(id uint64) {
	start := 0
	for i, m := range o.waiting.marks {
		if m.id != id {
			start = m.end
			continue
		}
		o.waiting.buf = slices.Delete(o.waiting.buf, start, m.end)
		o.waiting.marks = slices.Delete(o.waiting.marks, i, i+1)
		for j := i; j < len(o.waiting.marks); j++ {
			o.waiting.marks[j].end -= m.end - start
		}
		return
	}
}

// carry keeps of a broken connection's frames those that the next one shall
// write. With blame the one that was written in part is held to have broken the
// connection: it has mostTries connections, and then it is returned instead.
func (o *outbox) carry(blame bool) (givenUp []byte) {
	var all batch
	if o.begun > 0 && blame {
		o.flying.marks[0].lost++
	}
	for _, b := range []batch{o.flying, o.waiting} {
		start := 0
		for _, m := range b.marks {
			frame := b.buf[start:m.end]
			start = m.end
			switch {
			case !m.keep:
			case m.lost >= mostTries:
				givenUp = slices.Clone(frame)
			default:
				all.buf = append(all.buf, frame...)
				m.end = len(all.buf)
				all.marks = append(all.marks, m)
			}
		}
	}
	o.waiting, o.flying, o.begun = all, batch{}, 0
	return givenUp
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
