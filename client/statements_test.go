package client

import (
	"fmt"
	"testing"

	"mcollective/message"
)

func TestStatementsOfOneNodeAreBounded(t *testing.T) {
	var s statements
	for i := range 10 * maxStatements {
		s.add(Answer{Reply: &message.Reply{Sender: "evil", Body: fmt.Sprintf("%s %032x", message.Pong, i)}, Duplicate: i > 0})
	}
	if len(s) != maxStatements {
		t.Errorf("%d statements are kept, want %d", len(s), maxStatements)
	}
	s.add(Answer{Reply: &message.Reply{Sender: "good", Body: fmt.Sprintf("%s %032x", message.Pong, 1<<40)}})
	if len(s) != maxStatements+1 {
		t.Error("a node that speaks once is not heard")
	}
}
