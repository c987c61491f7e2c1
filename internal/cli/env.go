package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"mcollective/connector"
	"mcollective/ddl"
	"mcollective/internal/clientfiles"
	"mcollective/internal/config"
	"mcollective/internal/daemon"
	"mcollective/security"
)

// An Env is the world around one run of mco. The zero value has no input, no
// output and no environment; OS has the process's own.
type Env struct {
	Name string // how the program was started, like os.Args[0]; "" means mco

	In  io.Reader
	Out io.Writer
	Err io.Writer

	InTerminal, OutTerminal, ErrTerminal bool // whether the streams are terminals

	// InList reports that what stands on In is a list of nodes where a command
	// takes one, be it empty: a pipe, a socket or a file, and not a terminal,
	// /dev/null or a closed stream.
	InList bool

	// OutFile is the path of the regular file that Out is, if it is one and empty.
	OutFile string

	Getenv func(string) string // nil means an empty environment
	Now    func() time.Time    // nil means time.Now

	// Interruptible derives a context that ends when the user presses Ctrl-C or
	// the process is asked to end; asked again later, the process ends. stop gives
	// the signals their default meaning again. Nil means that nobody interrupts.
	Interruptible func(context.Context) (ctx context.Context, stop context.CancelFunc)

	// Connect, ClientSecurity and BuiltIn make what a configuration names: the frame
	// and its commands know no plugin. Those that are nil internal/cli/commands takes
	// from internal/plugins.
	Connect        func(context.Context, *config.Config, *slog.Logger) (connector.Connector, error)
	ClientSecurity func(*config.Config) (sec security.Client, warnings []string, err error)

	// BuiltIn returns the definitions of the plugins of a kind that are part of this
	// program, or only the one of a name that is not empty.
	BuiltIn func(kind ddl.Kind, name, version string) map[string]*ddl.Definition

	Plain bool // the configuration wants no colours
	Raw   bool // what came from nodes is printed as it is
}

// Files returns the files of the user.
func (e *Env) Files() clientfiles.Files {
	f := clientfiles.Files{Getenv: e.Getenv, Now: e.Now}
	if e.BuiltIn != nil {
		f.BuiltIn = func(kind ddl.Kind, name string) map[string]*ddl.Definition { return e.BuiltIn(kind, name, Version()) }
	}
	return f
}

// OS returns the world of this process.
func OS() *Env {
	env := &Env{
		Name: os.Args[0], In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTerminal:    term.IsTerminal(int(os.Stdin.Fd())),
		OutTerminal:   term.IsTerminal(int(os.Stdout.Fd())),
		ErrTerminal:   term.IsTerminal(int(os.Stderr.Fd())),
		InList:        holdsList(os.Stdin),
		Getenv:        os.Getenv,
		Interruptible: daemon.Interruptible,
	}
	if fi, err := os.Stdout.Stat(); err == nil && fi.Mode().IsRegular() && fi.Size() == 0 {
		env.OutFile, _ = os.Readlink("/proc/self/fd/1")
	}
	return env
}

// holdsList reports whether a stream is of a kind that names come from.
func holdsList(in *os.File) bool {
	fi, err := in.Stat()
	return err == nil && fi.Mode()&os.ModeCharDevice == 0
}

// WithDefaults returns a copy in which what is missing has its default.
func (e *Env) WithDefaults() *Env {
	c := *e
	if c.Name == "" {
		c.Name = "mco"
	}
	if c.In == nil {
		c.In = strings.NewReader("")
	}
	if c.Out == nil {
		c.Out = io.Discard
	}
	if c.Err == nil {
		c.Err = io.Discard
	}
	if c.Getenv == nil {
		c.Getenv = func(string) string { return "" }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Interruptible == nil {
		c.Interruptible = context.WithCancel
	}
	return &c
}
