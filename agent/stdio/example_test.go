package stdio_test

import (
	"fmt"

	"mcollective/agent/stdio"
)

// What a program printed becomes the outputs of its reply.
func ExampleReadOutput() {
	for _, printed := range []string{`{"used": 20, "free": 7}`, "used=20\nfree=7\n", "nothing is mounted\n"} {
		outputs, err := stdio.ReadOutput(stdio.Guess, stdio.JSON, []byte(printed))
		if err != nil {
			fmt.Println(err)
			continue
		}
		for name, v := range outputs.All() {
			fmt.Printf("%v is %v, %T\n", name, v, v)
		}
	}
	_, err := stdio.ReadOutput(stdio.JSON, stdio.JSON, []byte("nothing is mounted\n"))
	fmt.Println(err)
	// Output:
	// used is 20, int64
	// free is 7, int64
	// used is 20, string
	// free is 7, string
	// output is nothing is mounted, string
	// stdout is not valid JSON: invalid character 'o' in literal null (expecting 'u'), at byte 2
}
