package plugins

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"mcollective/internal/config"
)

// A credentialPrompt finds the user's name and password for a broker: in the
// environment, else in the configuration, else by asking on the terminal where
// the configuration wants that. It asks once for the whole pool.
type credentialPrompt struct {
	r     *pluginReader
	asked map[string]string
}

func (p *credentialPrompt) value(env, key, ask string, secret bool) (string, error) {
	if v := os.Getenv(env); v != "" {
		return v, nil
	}
	if v := p.r.string(key); v != "" {
		return v, nil
	}
	if !p.r.bool(ask) || p.r.cfg.Role != config.Client {
		return "", p.r.err
	}
	if v, ok := p.asked[ask]; ok {
		return v, nil
	}
	what := "user name"
	if secret {
		what = "password"
	}
	v, err := askTerminal(fmt.Sprintf("%s %s: ", p.r.plugin, what), secret)
	if err != nil {
		return "", fmt.Errorf("plugin.%s.%s: cannot ask for the %s: %w; set %s instead", p.r.plugin, ask, what, err, env)
	}
	if p.asked == nil {
		p.asked = map[string]string{}
	}
	p.asked[ask] = v
	return v, nil
}

// askTerminal asks on the controlling terminal, since standard input may be a
// list of nodes.
func askTerminal(question string, secret bool) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer tty.Close()
	if _, err := io.WriteString(tty, question); err != nil {
		return "", err
	}
	if secret {
		text, err := term.ReadPassword(int(tty.Fd()))
		fmt.Fprintln(tty)
		return string(text), err
	}
	line, err := bufio.NewReader(io.LimitReader(tty, 1024)).ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimSpace(line), err
}
