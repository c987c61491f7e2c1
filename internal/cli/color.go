package cli

// Color reports whether a stream may get colours.
func (e *Env) Color(terminal bool) bool {
	return terminal && !e.Plain && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb"
}

// The escape sequences of the styles.
const (
	styleBold  = "\x1b[1m"
	StyleRed   = "\x1b[31m"
	styleReset = "\x1b[0m"
)

// Paint puts text for the error stream into a style, if colours are wanted.
func (e *Env) Paint(style, text string) string {
	if !e.Color(e.ErrTerminal) {
		return text
	}
	return style + text + styleReset
}
