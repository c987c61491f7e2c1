// Package stomp speaks STOMP 1.0, 1.1 and 1.2: frames, and a client connection
// that comes back by itself.
//
// # Frames
//
// A [Frame] is a command, an ordered [Header] and a body. [Reader] takes frames
// from a stream and [AppendFrame] puts them into bytes; both apply the escaping
// of one [Version], and both serve either end of a connection. A Reader trusts
// nothing that it is told: lines, header fields and bodies are bounded by
// [Limits], and memory grows with what has arrived, never with what a
// content-length claims.
//
// # Client
//
// [Dial] connects to the first of a pool of brokers that takes us and returns a
// [Client]. From then on the client restores itself: it notices a dead peer by
// heart-beats and write deadlines, tries the pool again with a growing and
// jittered delay, subscribes anew, and sends on.
//
//	c, err := stomp.Dial(ctx, stomp.Options{
//		Servers: []stomp.Server{{Host: "broker.example.net", Login: "mco", Passcode: "..."}},
//	})
//	...
//	sub, err := c.Subscribe(ctx, stomp.Listen{Destination: "/topic/news"}, func(f *stomp.Frame) {
//		fmt.Printf("%s\n", f.Body)
//	})
//	...
//	err = c.Send(ctx, stomp.Header{{Name: "destination", Value: "/topic/news"}}, []byte("hello"))
//
// Frames from many goroutines leave in few writes. [Client.Send] returns when
// the frame is in line on a live connection; [Client.Flush] waits until the
// broker has taken all of them. What was in line and not yet written when a
// connection broke is written to the next one; what was already written and not
// yet taken by the broker is lost, as in any STOMP client without
// acknowledgements. [Client.Deliver] waits for the broker's receipt, and gives up
// a message that breaks the connection twice.
//
// A subscription that the broker refuses takes nothing with it: it is told by
// [Client.Subscribe] or [Subscription.Err], also where the broker breaks the
// connection with it.
//
// The package never sends again what a broker may have taken, unless Deliver is told
// that it may, never trusts a length that it is told, and knows nothing of MCollective.
package stomp
