package sdk_test

import (
	"fmt"

	"mcollective/sdk"
)

// The files of a first agent in Python, to be written into the agents directory.
func ExampleNew() {
	files, err := sdk.New("hello", "python")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range files {
		fmt.Println(f.Mode, f.Name)
	}
	_, err = sdk.New("hello", "cobol")
	fmt.Println(err)
	// Output:
	// -rwxr-xr-x hello.py
	// -rw-r--r-- hello.yaml
	// -rw-r--r-- mco.py
	// no language "cobol"; there are sh, php, python, ruby, perl, node, go
}
