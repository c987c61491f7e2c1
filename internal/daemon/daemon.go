// Package daemon is what a long-running process owes its init system: a pid file, leaving the terminal, signals, and systemd's notifications.
//
// The order in which a program uses it:
//
//	d, err := daemon.Detach()          // in the parent: starts the child, waits for its word
//	pid, err := daemon.WritePID(path)  // refuses when another one runs
//	go daemon.Watch(ctx, daemon.Actions{...})
//	n := daemon.NewNotifier(os.Getenv)
//	d.Ready(); n.Ready()               // init scripts and systemd go on
//	...
//	n.Stopping(); pid.Remove()
//
// Nothing here ends the process: that is for main.
package daemon
