package cli

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/term"

	"mcollective/internal/safetext"
)

// Clean is text from a node as it may be printed, with its line ends.
func (e *Env) Clean(s string) string {
	if e.Raw {
		return s
	}
	return safetext.Clean(s)
}

// Width returns how many columns the terminal has, 0 if there is none or it does not
// say.
func Width(env *Env) int {
	if !env.OutTerminal {
		return 0
	}
	out := env.Out
	if kept, ok := out.(*keptOutput); ok {
		out = kept.Writer
	}
	if f, ok := out.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			return columns
		}
	}
	columns, _ := strconv.Atoi(env.Getenv("COLUMNS"))
	return max(columns, 0)
}

// MostFilled is how far lines are filled up because another is longer: one node must
// not make all of them as long as it likes.
const MostFilled = 256

// Tidy is text from a node as it may be printed. On a terminal it stays on its line;
// elsewhere it has the line ends that programs know from Ruby's reports.
func Tidy(env *Env, s string) string {
	if env.OutTerminal && !env.Raw {
		return safetext.CleanLine(s)
	}
	return env.Clean(s)
}

// Plural returns a number with the noun for so many.
func Plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
