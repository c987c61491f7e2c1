package marshal_test

import (
	"fmt"

	"mcollective/marshal"
	"mcollective/value"
)

// The worked example of the package comment.
func Example() {
	b, err := marshal.Marshal([]any{
		value.NewMap(value.Symbol("agent"), "rpcutil", value.Symbol("ttl"), 60),
		"rpcutil", value.Symbol("agent"), 1.5, 1.5,
	})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Printf("% x\n", b)
	// Output:
	// 04 08 5b 0a 7b 07 3a 0a 61 67 65 6e 74 49 22 0c 72 70 63 75 74 69 6c 06 3a 06 45 54 3a 08 74 74 6c 69 41 49 22 0c 72 70 63 75 74 69 6c 06 3b 06 54 3b 00 66 08 31 2e 35 40 09
}

func ExampleUnmarshal() {
	data := []byte("\x04\x08{\x07:\nagentI\"\x0crpcutil\x06:\x06ET:\x08ttliA")
	v, err := marshal.BodyPolicy.Unmarshal(data)
	request, ok := v.(*value.Map)
	if err != nil || !ok {
		fmt.Println("not a request:", err)
		return
	}
	agent, _ := request.Get(value.Symbol("agent"))
	ttl, _ := request.Get(value.Symbol("ttl"))
	fmt.Println(agent, ttl)
	// Output: rpcutil 60
}
