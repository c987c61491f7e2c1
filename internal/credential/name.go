package credential

import (
	"fmt"
	"strings"

	"mcollective/connector/nats/subject"
	"mcollective/message"
)

// maxCallerName bounds the name of a caller, in bytes.
const maxCallerName = 128

// CheckName reports what is wrong with the name of a node or a caller, or nil. The broker puts names into subjects
// without looking at them: "*" or "web1.>" would listen to what is for others. So they are checked when a
// credential is made, and each time that one is believed.
func CheckName(kind Kind, name string) error {
	if err := message.ValidIdentity(name); err != nil {
		return err
	}
	if err := subject.CheckIdentity(name); err != nil {
		return err
	}
	switch kind {
	case Caller:
		if len(name) > maxCallerName {
			return fmt.Errorf("the name of a caller has %d bytes, more than %d", len(name), maxCallerName)
		}
		return message.ValidCallerID("creds=" + name)
	case Node:
		return nil
	}
	return fmt.Errorf("%s cannot have a name", kind)
}

// CheckCollective reports what is wrong with the name of a collective in a credential, or nil.
func CheckCollective(name string) error {
	if err := message.ValidCollective(name); err != nil {
		return err
	}
	return subject.CheckCollective(name)
}

// SameName reports whether two names would be taken for each other: case does not matter in host names.
func SameName(a, b string) bool { return strings.EqualFold(a, b) }
