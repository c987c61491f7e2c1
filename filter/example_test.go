package filter_test

import (
	"errors"
	"fmt"

	"mcollective/filter"
)

func ExampleParseCompound() {
	c, err := filter.ParseCompound("(web or /^db/) and os != Linux")
	fmt.Println(c, err)
	// Output: (web or /^db/) and not os=Linux <nil>
}

func ExampleParseError_Caret() {
	_, err := filter.ParseFact("two words=x")
	if e, ok := errors.AsType[*filter.ParseError](err); ok {
		fmt.Println(e)
		fmt.Println(e.Caret())
	}
	// Output:
	// fact filter "two words=x" at character 4: a fact name cannot hold blanks; only name=/regexp/ takes such names
	// two words=x
	//    ^
}
