package cli

// color tells whether a stream may get colours.
func (e *Env) color(terminal bool) bool {
	return terminal && !e.plain && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb"
}

// The escape sequences of the styles.
const (
	styleBold  = "\x1b[1m"
	styleRed   = "\x1b[31m"
	styleReset = "\x1b[0m"
)

// paint puts text for the error stream into a style, if colours are wanted.
func (e *Env) paint(style, text string) string {
	if !e.color(e.ErrTerminal) {
		return text
	}
	return style + text + styleReset
}
