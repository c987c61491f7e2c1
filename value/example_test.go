package value_test

import (
	"fmt"

	"mcollective/value"
)

func ExampleMap() {
	h := value.NewMap(value.Symbol("agent"), "puppet", "agent", "another key")
	h.Set(value.Symbol("agent"), "rpcutil")
	v, ok := h.Get(value.Symbol("agent"))
	fmt.Println(v, ok, h.Len())
	// Output: rpcutil true 2
}
