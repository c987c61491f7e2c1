package daemon

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// A Notifier tells systemd how the process is doing. Without systemd, and on
// nil, all its methods do nothing.
type Notifier struct {
	socket   *net.UnixAddr
	watchdog time.Duration
}

// NewNotifier reads from the environment where systemd listens, and removes that
// from it so that no child speaks for this process.
func NewNotifier() *Notifier {
	path := os.Getenv("NOTIFY_SOCKET")
	usec, pid := os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		os.Unsetenv(name)
	}
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "@") {
		return nil
	}
	n := &Notifier{socket: &net.UnixAddr{Name: path, Net: "unixgram"}}
	if us, err := strconv.ParseInt(usec, 10, 64); err == nil && us > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.watchdog = time.Duration(us) * time.Microsecond
	}
	return n
}

// Ready says that the process serves, with what it does as text for people. It
// also ends Reloading.
func (n *Notifier) Ready(status string) error {
	return n.send("READY=1\nSTATUS=" + oneLine(status))
}

// Reloading says that the configuration is being read again.
func (n *Notifier) Reloading() error {
	state := "RELOADING=1\nSTATUS=reloading"
	if now := monotonic(); now > 0 {
		state += "\nMONOTONIC_USEC=" + strconv.FormatInt(now, 10)
	}
	return n.send(state)
}

// Stopping says that the process is about to end.
func (n *Notifier) Stopping(status string) error {
	return n.send("STOPPING=1\nSTATUS=" + oneLine(status))
}

// Status says what the process does, for "systemctl status".
func (n *Notifier) Status(status string) error { return n.send("STATUS=" + oneLine(status)) }

// Watchdog pings systemd until ctx ends, twice as often as it asks for, as long
// as healthy returns nil. Once systemd hears nothing it restarts the process.
// sick is told the first of each row of failures.
func (n *Notifier) Watchdog(ctx context.Context, healthy func() error, sick func(error)) {
	if n == nil || n.watchdog <= 0 {
		return
	}
	tick := time.NewTicker(n.watchdog / 2)
	defer tick.Stop()
	told := false
	for {
		err := healthy()
		if err == nil {
			err = n.send("WATCHDOG=1")
		}
		if err != nil && !told {
			sick(err)
		}
		told = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (n *Notifier) send(state string) error {
	if n == nil {
		return nil
	}
	conn, err := net.DialUnix(n.socket.Net, nil, n.socket)
	if err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", "; ") }
