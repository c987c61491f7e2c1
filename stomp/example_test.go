package stomp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"mcollective/stomp"
	"mcollective/stomp/stomptest"
)

// Subscribe to a topic, send to it, and wait for the message.
func ExampleDial() {
	ctx := context.Background()
	broker := stomptest.New(stomptest.Options{}) // a broker in memory; a program leaves Dial away
	defer broker.Stop()
	c, err := stomp.Dial(ctx, stomp.Options{
		Servers: []stomp.Server{{Host: "broker.example.net", Login: "mco", Passcode: "secret"}},
		Dial:    broker.Dial,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	news := make(chan string, 1)
	_, err = c.Subscribe(ctx, stomp.Listen{Destination: "/topic/news"}, func(f *stomp.Frame) {
		news <- string(f.Body) // the frame is ours until we return
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := c.Send(ctx, stomp.Header{{Name: "destination", Value: "/topic/news"}}, []byte("hello")); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-news)
	// Output: hello
}

// A destination that the broker refuses is an error of that subscription, not of
// the connection.
func ExampleRefusedError() {
	ctx := context.Background()
	broker := stomptest.New(stomptest.Options{Refuse: func(f *stomp.Frame) string {
		if f.Command == stomp.Subscribe && f.Header.Get("destination") == "/topic/secret" {
			return "access denied"
		}
		return ""
	}})
	defer broker.Stop()
	c, err := stomp.Dial(ctx, stomp.Options{Servers: []stomp.Server{{Host: "broker.example.net"}}, Dial: broker.Dial})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	_, err = c.Subscribe(ctx, stomp.Listen{Destination: "/topic/secret"}, func(*stomp.Frame) {})
	refused, ok := errors.AsType[*stomp.RefusedError](err)
	fmt.Println(ok, refused)
	fmt.Println("still connected:", c.State().Connected)
	// Output:
	// true subscription to /topic/secret refused: broker broker.example.net:61613: access denied
	// still connected: true
}

// Frames by themselves, for the other end of a connection or a file.
func ExampleReader() {
	data, err := stomp.AppendFrame(nil, stomp.V12, &stomp.Frame{
		Command: stomp.Send,
		Header:  stomp.Header{{Name: "destination", Value: "/queue/a:b"}},
		Body:    []byte("hello"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", data)

	frames := stomp.NewReader(strings.NewReader(string(data)), stomp.V12, stomp.Limits{Body: 1 << 20})
	var f stomp.Frame // each Read uses its memory again
	for {
		err := frames.Read(&f)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s to %s: %s\n", f.Command, f.Header.Get("destination"), f.Body)
	}
	// Output:
	// "SEND\ndestination:/queue/a\\cb\ncontent-length:5\n\nhello\x00"
	// SEND to /queue/a:b: hello
}
