package psk

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"mcollective/internal/waittest"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/security"
	"mcollective/security/securitytest"
)

// TestRubyUnderstandsUs sends requests to the real psk plugin: it has to verify
// them, make the same bytes of them, and send a reply that we verify.
func TestRubyUnderstandsUs(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Ruby")
	}
	if err := exec.CommandContext(waittest.Within(t, waittest.Patience), "ruby", "-e", `require "mcollective"`).Run(); err != nil {
		t.Skip("no ruby with mcollective here")
	}
	cmd := exec.CommandContext(waittest.Within(t, 5*time.Minute), "ruby", "testdata/peer.rb", testSecret)
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("ruby: %v\n%s", err, stderr.String())
		}
	}()
	answers := bufio.NewReader(stdout)
	p := testProvider(t, Options{})

	ask := func(t *testing.T, r *message.Request) {
		payload, err := p.EncodeRequest(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(stdin, base64.StdEncoding.EncodeToString(payload.Data)+"\n"); err != nil {
			t.Fatal(err)
		}
		line, err := answers.ReadString('\n')
		if err != nil {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		request, reply, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || request == "error" {
			t.Fatalf("Ruby says: %s", line)
		}
		rubys, _ := base64.StdEncoding.DecodeString(request)
		if !bytes.Equal(rubys, payload.Data) {
			t.Errorf("we send\n%q\nRuby would send\n%q", payload.Data, rubys)
		}
		data, _ := base64.StdEncoding.DecodeString(reply)
		rep, err := p.DecodeReply(context.Background(), r, security.Payload{Data: data})
		if err != nil {
			t.Fatal(err)
		}
		want := r.Body
		if want == "ping" {
			want = "pong"
		}
		if rep.RequestID != r.ID || rep.Agent != r.Agent || rep.Sender != "ruby-peer" || !rep.Time.Equal(r.Time) || !reflect.DeepEqual(rep.Body, want) {
			t.Errorf("Ruby's reply %+v to %+v", rep, r)
		}
	}
	for _, f := range securitytest.Filters() {
		t.Run("filter "+f.Name, func(t *testing.T) {
			r := testRequest("ping")
			r.Filter = f.Filter
			ask(t, r)
		})
	}
	for _, b := range securitytest.Bodies() {
		t.Run("body "+b.Name, func(t *testing.T) { ask(t, testRequest(b.Value)) })
	}
	// Ruby knows nothing of reasons, and takes no notice.
	for _, reason := range []message.Reason{"", message.TimedOut} {
		t.Run("reply with reason "+string(reason), func(t *testing.T) {
			r := testRequest("ping")
			r.Caller = "uid=0"
			body := (&rpc.Reply{Status: rpc.UnknownError, Message: "late again"}).Body()
			payload, err := p.EncodeReply(context.Background(), r, &message.Reply{Sender: "n1", Body: body, Reason: reason})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(stdin, "reply "+base64.StdEncoding.EncodeToString(payload.Data)+"\n"); err != nil {
				t.Fatal(err)
			}
			line, err := answers.ReadString('\n')
			if want := "ok n1 " + r.ID + " 5 late again\n"; err != nil || line != want {
				t.Errorf("Ruby reads %q (%v), want %q", line, err, want)
			}
		})
	}
}
