package stomp

// State is how a Client is at one moment.
type State struct {
	Connected  bool    // the broker has taken us and all our subscriptions
	Closed     bool    // by Close or after MaxAttempts; it will not connect again
	Server     string  // the broker in use, or the last one tried, as host:port
	Version    Version // of the connection; 0 while there is none
	Reconnects uint64  // how often the connection was lost and made again
	Oversize   uint64  // received frames that were skipped because of Limits.Body
	LastError  error   // why the connection is down, or why it last was; nil if never
}
