package fleettest_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mcollective/client"
	"mcollective/connector"
	"mcollective/internal/fleettest"
	"mcollective/internal/swarm"
	"mcollective/message"
	"mcollective/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answers asks everybody for a sign of life, and returns who answered.
func answers(t *testing.T, c *client.Client, want int) []string {
	t.Helper()
	var names []string
	if _, err := c.Call(t.Context(), client.Call{Agent: "discovery", Body: "ping", Timeout: 20 * time.Second, Limit: want}, func(a client.Answer) {
		names = append(names, a.Sender)
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func TestFleetInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fleettest.New(t, fleettest.Options{Agents: []string{"work"}})
		f.Node("fast", fleettest.Pong)
		f.Node("slow", fleettest.After(time.Second, rpc.OK))
		f.Node("mute", fleettest.Silent)
		f.Node("liar", func(_ *message.Request, answer func(any)) { answer(fleettest.As{Sender: "other", Body: "pong"}) })
		f.Simulate(swarm.Options{Nodes: 1, Seed: 3})
		began := time.Now()
		got := answers(t, f.Client("me"), 4)
		if want := []string{"fast", "other", swarm.Describe(3, 0).Identity, "slow"}; !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("%v answered, want %v", got, want)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %v", took)
		}
		synctest.Wait()
		seen := f.Received()
		if len(seen) != 4 || seen[0].Target.Kind != connector.Broadcast || seen[0].Request.Agent != "discovery" {
			t.Errorf("received %+v", seen)
		}
	})
}

func TestFleetOnABroker(t *testing.T) {
	f := fleettest.New(t, fleettest.Options{Broker: true})
	f.Host("n1", "", nil)
	f.Simulate(swarm.Options{Nodes: 2, Seed: 3})
	if got := answers(t, f.Client("me"), 3); len(got) != 3 || !slices.Contains(got, "n1") {
		t.Errorf("%v answered", got)
	}
}
