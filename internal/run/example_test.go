package run_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mcollective/internal/run"
)

func ExampleRun() {
	result, err := run.Run(context.Background(), run.Command{
		Path:  "tr",
		Args:  []string{"a-z", "A-Z"},
		Stdin: []byte("hello"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %d\n", result.Stdout, result.Exit)

	_, err = run.Run(context.Background(), run.Command{Path: "sleep", Args: []string{"60"}, Timeout: 10 * time.Millisecond})
	fmt.Println(err, errors.Is(err, run.ErrTimeout))
	// Output:
	// HELLO 0
	// sleep did not end in time: it was stopped after 10ms true
}
