package psk_test

import (
	"fmt"

	"mcollective/security/psk"
)

// A provider of a node. A secret that everybody knows is refused.
func ExampleNew() {
	p, err := psk.New(psk.Options{Secret: "a long text that only this collective knows", Identity: "web1.example.net", CallerType: "identity"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.CallerID())

	_, err = psk.New(psk.Options{Secret: "unset", Identity: "web1.example.net"})
	fmt.Println(err)
	// Output:
	// identity=web1.example.net
	// psk: the pre-shared key is "unset", which everybody knows: set plugin.psk, or MCOLLECTIVE_PSK, to a long random text
}
