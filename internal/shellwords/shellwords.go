// Package shellwords takes a command line apart as a POSIX shell does, without
// anything that a shell would do beyond quotes: no variables, no patterns, no
// commands.
package shellwords

import (
	"errors"
	"fmt"
	"strings"
)

// Split returns the words of a line. Blanks and newlines part them; within single
// quotes everything is itself; within double quotes a backslash is special before
// a double quote, a backslash, a dollar sign, a backtick and a newline; elsewhere it takes the
// meaning from what follows it.
func Split(line string) ([]string, error) { return split(line, "") }

// SplitCommand is Split for a line that is run without a shell, but that anyone who
// wrote it may take for a shell's: outside of quotes it refuses what only a shell
// could do.
func SplitCommand(line string) ([]string, error) { return split(line, "|&;<>()`\n") }

func split(line, shellOnly string) ([]string, error) {
	if i := strings.IndexByte(line, 0); i >= 0 {
		return nil, fmt.Errorf("there is a zero byte at position %d", i+1)
	}
	var words []string
	var word strings.Builder
	var quote byte
	inWord, opened := false, 0
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && quote != '\'':
			i++
			if i == len(line) {
				return nil, errors.New("nothing follows the last backslash")
			}
			if quote == '"' && !strings.ContainsRune("\"\\$`\n", rune(line[i])) {
				word.WriteByte('\\')
			}
			word.WriteByte(line[i])
			inWord = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, inWord, opened = c, true, i+1
		case strings.IndexByte(shellOnly, c) >= 0:
			return nil, fmt.Errorf("%q outside of quotes needs a shell; write sh -c '...'", string(c))
		case c == ' ' || c == '\t' || c == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("the quote at position %d is not closed", opened)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
