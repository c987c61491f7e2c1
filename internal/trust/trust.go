// Package trust judges whether a file may be run, or read as an instruction, by a process that has rights worth stealing.
//
// A file is trusted if nobody but root and the user of this process could have written it or could put
// another in its place. It is the one check for everything that a node, a client or a broker runs or obeys:
// agents, programs that give facts, definitions, configuration, keys, interpreters.
package trust

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// An Error says which part of a path makes it untrusted, and how to mend that.
type Error struct {
	Path    string // that was judged
	Part    string // the file, link or directory that is wrong
	Problem string // what is wrong with it
	Fix     string // what to do about it, most often a command
}

func (e *Error) Error() string {
	part := "it"
	if e.Part != e.Path {
		part = quote(e.Part)
	}
	return fmt.Sprintf("%s is not trusted: %s %s; %s", quote(e.Path), part, e.Problem, e.Fix)
}

// quote writes a path as a shell reads it, on one line.
func quote(path string) string {
	safe := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("/._-+,:=@%~", r)
	}
	switch {
	case path != "" && strings.IndexFunc(path, func(r rune) bool { return !safe(r) }) < 0:
		return path
	case strings.IndexFunc(path, func(r rune) bool { return !strconv.IsPrint(r) }) >= 0:
		return "$" + strings.ReplaceAll("'"+strings.Trim(strconv.QuoteToASCII(path), `"`)+"'", `\"`, `"`)
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// Check returns why a file or directory is not trusted, or nil. It walks the path as the kernel does and
// judges the file, each symbolic link on the way, and each directory in which one of them is: all must
// belong to root or to the user of this process, and nobody else may write to them. A directory in which
// all may write is good enough on the way if it is sticky, like /tmp; what is in there still has to belong
// to root or this user. The error is an *Error, or that of the system for what cannot be looked at.
func Check(path string) error {
	_, err := walk(path)
	return err
}

// All is Check of several paths.
func All(paths ...string) error {
	for _, p := range paths {
		if err := Check(p); err != nil {
			return err
		}
	}
	return nil
}

// Secret is Check of a file that holds a secret, like a private key: it must not be open to everybody. Its
// group may read it if it belongs to root, who has chosen the group then.
func Secret(path string) error {
	fi, err := walk(path)
	if err != nil {
		return err
	}
	return secret(path, fi)
}

// Program is Check of a program and, if that is a script, of the interpreter in its first line. look finds a
// program that the script leaves to env to find. An interpreter that is not there is left to the one that starts
// the program, unless somebody else could put one there.
func Program(path string, look func(name string) (string, error)) error {
	at := path
	fi, err := walk(at)
	for range mostInterpreters {
		if err != nil || fi == nil {
			return err
		}
		words, err2 := interpreter(at, fi)
		if err2 != nil || len(words) == 0 {
			return err2
		}
		at = words[0]
		fi, err = walkInterpreter(at)
		if name := byEnv(words); name != "" && err == nil && fi != nil {
			if at, err = look(name); err != nil {
				return nil
			}
			fi, err = walkInterpreter(at)
		}
	}
	return fmt.Errorf("%s: more than %d interpreters on top of each other", quote(path), mostInterpreters)
}

// mostInterpreters is how deep scripts may be interpreters of scripts. The kernel allows four.
const mostInterpreters = 5

// byEnv returns the name of the program that env is to find, or "" if the interpreter is not env.
func byEnv(words []string) string {
	if words[0] != "env" && !strings.HasSuffix(words[0], "/env") {
		return ""
	}
	for i := 1; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "-u" || w == "-C" || w == "--unset" || w == "--chdir":
			i++ // its argument
		case strings.HasPrefix(w, "-S") && len(w) > len("-S"):
			return w[len("-S"):]
		case strings.HasPrefix(w, "--split-string="):
			return w[len("--split-string="):]
		case !strings.HasPrefix(w, "-") && !strings.Contains(w, "="):
			return w
		}
	}
	return ""
}

// open reports whether everybody may do something with a file that only some should.
func open(mode fs.FileMode) bool { return mode.Perm()&0o007 != 0 }
