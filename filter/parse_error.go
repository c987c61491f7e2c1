package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A ParseError says where a filter's text stops making sense, and why.
type ParseError struct {
	What   string // what was being parsed, like "fact filter"
	Text   string // the whole text, as it was given
	Offset int    // of the first byte that is wrong, at most len(Text)
	Msg    string // what is wrong there
	Hint   string // what to write instead; often empty
}

// Error returns one line without control characters, whatever the text held.
func (e *ParseError) Error() string {
	var b strings.Builder
	b.WriteString(e.What)
	if e.Text != "" {
		fmt.Fprintf(&b, " %s at character %d", shown(e.Text), e.character()+1)
	}
	b.WriteString(": ")
	b.WriteString(e.Msg)
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// Caret renders the text, or the part of it around the error, and under it a
// caret at the offset: two lines without a final line break, meant to follow
// Error on a terminal. Control characters are shown as a middle dot.
func (e *ParseError) Caret() string {
	const around = 60
	text := []rune(strings.ToValidUTF8(e.Text[:e.offset()], "�"))
	mark := len(text)
	text = append(text, []rune(strings.ToValidUTF8(e.Text[e.offset():], "�"))...)
	var head, tail string
	if mark > around {
		text = text[mark-around:]
		mark, head = around, "..."
	}
	if len(text) > mark+around {
		text, tail = text[:mark+around], "..."
	}
	for i, r := range text {
		if !unicode.IsPrint(r) {
			text[i] = '·'
		}
	}
	return head + string(text) + tail + "\n" + strings.Repeat(" ", len(head)+mark) + "^"
}

func (e *ParseError) offset() int { return max(0, min(e.Offset, len(e.Text))) }

func (e *ParseError) character() int { return utf8.RuneCountInString(e.Text[:e.offset()]) }

// shown quotes text for a message or a log line: at most 64 characters, and
// nothing in it that a terminal would act upon.
func shown(text string) string {
	const most = 64
	cut := len(text)
	for i, n := 0, 0; i < len(text); n++ {
		if n == most {
			cut = i
			break
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
	}
	quoted := fmt.Sprintf("%q", text[:cut])
	if cut < len(text) {
		quoted += "..."
	}
	return quoted
}
