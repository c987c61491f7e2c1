package descriptor

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mcollective/internal/plainfile"
	"mcollective/internal/yaml"
)

// byteOrderMark is what some editors write before the first line of a text.
const byteOrderMark = "\uFEFF"

// isScript reports whether a file begins with #!, if need be behind a byte order mark.
func isScript(path string) bool {
	line, err := plainfile.FirstLine(path)
	return err == nil && bytes.HasPrefix(bytes.TrimPrefix(line, []byte(byteOrderMark)), []byte("#!"))
}

// isRubyAgent reports whether the file is a class of Ruby MCollective, which some packages install as
// executable.
func isRubyAgent(path string) bool { return filepath.Ext(path) == ".rb" && !isScript(path) }

// checkFirstLine says what keeps the system from finding the interpreter of a script, though people do not see
// it: the system itself says only that there is no such file.
func checkFirstLine(path string) error {
	if !isScript(path) {
		return nil
	}
	line, err := plainfile.FirstLine(path)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(line, []byte(byteOrderMark)) {
		return fmt.Errorf("%[1]s:1: a byte order mark before the #! hides it from the system; run: sed -i '1s/^\\xef\\xbb\\xbf//' %[1]s", path)
	}
	if words, ok := bytes.CutSuffix(line, []byte("\r")); ok {
		return fmt.Errorf("%[1]s:1: the line ends with a carriage return, which the system takes for a part of %[2]q; run: sed -i 's/\\r$//' %[1]s", path, words)
	}
	return nil
}

// MissingInterpreter returns the program that the first line of a script names, if that
// is not there; else "".
func MissingInterpreter(script string) string {
	words, err := plainfile.Interpreter(script)
	if err != nil || len(words) == 0 || !filepath.IsAbs(words[0]) {
		return ""
	}
	if _, err := os.Stat(words[0]); !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return words[0]
}

// located returns the name of a descriptor, with the line of the key that an error is about.
func located(name string, data []byte, err error) string {
	var about *keyError
	if !errors.As(err, &about) {
		return name
	}
	if line := lineOf(data, about.at); line > 0 {
		return fmt.Sprintf("%s:%d", name, line)
	}
	return name
}

// lineOf returns the line of a key like limits.memory in a YAML or JSON text, or 0 if it is not found.
func lineOf(data []byte, key string) int {
	n, err := yaml.ParseNode(data, yaml.Limits{Bytes: mostDescriptor, Depth: 100, Nodes: 100_000})
	if err != nil {
		return 0
	}
	line := 0
	for name := range strings.SplitSeq(key, ".") {
		at := -1
		for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				at = i
			}
		}
		if at < 0 {
			return line
		}
		line, n = n.Content[at].Line, n.Content[at+1]
	}
	return line
}
