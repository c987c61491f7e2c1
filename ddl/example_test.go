package ddl_test

import (
	"fmt"

	"mcollective/ddl"
	"mcollective/value"
)

func Example() {
	d, err := ddl.Parse("hello.yaml", []byte(`
agent: hello
actions:
  greet:
    input:
      name: {required: true, max_length: 5}
      times: {type: integer, default: 1}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	greet := d.Action("greet")
	data := value.NewMap(value.Symbol("name"), "world peace")
	greet.Complete(data)
	times, _ := data.Get(value.Symbol("times"))
	fmt.Println(times)
	fmt.Println(d.Validate("greet", data))
	// Output:
	// 1
	// Cannot validate input name: Input string is longer than 5 character(s)
}
