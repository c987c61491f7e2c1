package cli

import (
	"fmt"
	"mcollective/internal/render"
	"os"
	"strconv"

	"golang.org/x/term"
)

// clean is text from a node as it may be printed, with its line ends.
func (e *Env) clean(s string) string {
	if e.raw {
		return s
	}
	return render.Clean(s)
}

// width is how many columns the terminal has, 0 if there is none or it does not
// say.
func width(env *Env) int {
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

// mostFilled is how far lines are filled up because another is longer: one node must
// not make all of them as long as it likes.
const mostFilled = 256

// tidy is text from a node as it may be printed. On a terminal it stays on its line;
// elsewhere it has the line ends that programs know from Ruby's reports.
func tidy(env *Env, s string) string {
	if env.OutTerminal && !env.raw {
		return render.CleanLine(s)
	}
	return env.clean(s)
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
