package cli

import (
	"fmt"
	"path/filepath"
	"strings"
)

// warnRedirect speaks up when the output goes to a new file whose name looks like
// what stands behind a > in a filter that nobody quoted.
func warnRedirect(env *Env) {
	name := filepath.Base(env.OutFile)
	number := strings.TrimPrefix(name, "=")
	if env.OutFile == "" || number == "" || strings.Trim(number, "0123456789.") != "" || number[0] == '.' {
		return
	}
	fmt.Fprintf(env.Err, "The output goes to a new file named %q: if that was meant to be part of a filter, the shell took it; put the filter in quotes, like 'fact>%s'\n", name, name)
}
