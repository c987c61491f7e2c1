package value_test

import (
	"encoding/json"
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

// What a node sent, as JSON.
func ExampleForJSON() {
	disk := value.NewMap(value.Symbol("device"), "sda", value.Symbol("label"), value.Binary("root"), value.Symbol("free"), int64(20))
	text, err := json.Marshal(value.ForJSON(disk))
	fmt.Println(string(text), err)
	// Output: {"device":"sda","free":20,"label":"root"} <nil>
}
