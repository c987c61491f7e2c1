package ddl

import "strings"

// align folds the lines of a text that are longer than the columns and indents
// all by so many blanks, exactly as Ruby MCollective does: what does not fit on
// a line goes before the text of the next one, behind that one's indentation.
func align(text string, columns, indent int) string {
	width := columns - indent
	if width <= 0 {
		return text
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	margin := strings.Repeat(" ", indent)
	var rest []rune
	for i := 0; i < len(lines); i++ {
		line := []rune(lines[i])
		blanks := 0
		for blanks < len(line) && line[blanks] == ' ' {
			blanks++
		}
		if blanks >= width {
			blanks = 0
		}
		if len(rest) > 0 {
			if i+1 < len(lines) && len(line) == blanks {
				lines = append(lines[:i+1], append([]string{""}, lines[i+1:]...)...)
			}
			line = []rune(string(line[:blanks]) + string(rest) + " " + string(line[blanks:]))
		}
		rest = nil
		if len(line) > columns {
			line, rest = fold(line, width)
		}
		if len(rest) > 0 && i+1 == len(lines) {
			lines = append(lines, strings.Repeat(" ", blanks)+string(rest))
			rest = nil
		}
		lines[i] = margin + string(line)
	}
	return strings.Join(lines, "\n")
}

// fold cuts a line at its last blank up to the column. A word that is longer
// stays whole up to the next blank, where Ruby would not come to an end.
func fold(line []rune, at int) (head, rest []rune) {
	cut := at
	for cut > 0 && line[cut] != ' ' {
		cut--
	}
	if strings.TrimSpace(string(line[:cut])) == "" {
		for cut = at; cut < len(line) && line[cut] != ' '; cut++ {
		}
	}
	return line[:cut], []rune(strings.TrimLeft(string(line[cut:]), " \t\n\v\f\r"))
}
