package message_test

import (
	"fmt"
	"time"

	"mcollective/filter"
	"mcollective/message"
)

// A request as a client fills it in; its security provider adds the caller.
func ExampleRequest() {
	web, err := filter.ParsePattern("/^web/")
	if err != nil {
		fmt.Println(err)
		return
	}
	r := message.Request{
		ID: message.NewID(), Collective: "mcollective", Agent: "discovery", Sender: "workstation",
		Filter: filter.Filter{Classes: []filter.Pattern{web}},
		Time:   time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC), TTL: time.Minute,
		Body: message.Ping,
	}
	fmt.Println(message.ValidRequestID(r.ID))
	fmt.Println(message.ValidAgent(r.Agent))
	fmt.Println(message.ValidIdentity("../etc"))
	fmt.Println(&r.Filter)
	// Output:
	// <nil>
	// <nil>
	// identity "../etc" has other characters than letters, digits, _ . -
	// -C /^web/
}

// A node asks the principal of a request what its proof allows.
func ExamplePrincipal() {
	p := message.Principal{
		ID: "choria=deploy", Proof: message.Signature,
		Until: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		Permissions: []message.Permission{
			{Collectives: []string{"production"}, Agents: []string{"puppet"}, Actions: []string{"status", "runonce"}},
		},
	}
	fmt.Println(p.Allows("production", "puppet", "runonce"))
	fmt.Println(p.Allows("production", "puppet", "disable"))
	fmt.Println(p.Check(time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC)))

	var nobody message.Principal
	fmt.Println(nobody.Allows("production", "puppet", "status"))
	// Output:
	// <nil>
	// the signature of choria=deploy does not allow action "disable" of agent "puppet" in collective "production"
	// the proof of choria=deploy ended at 2030-01-01T00:00:00Z
	// nobody is proven to have asked for action "status" of agent "puppet" in collective "production"
}
