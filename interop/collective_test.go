package interop

import "testing"

// One collective on each broker answers all questions that leave it as it is, many at
// once; then its broker is taken from under it. To run one of them alone, name it:
// go test ./interop -run TestActiveMQ/asked/outputs

func TestActiveMQ(t *testing.T) {
	t.Parallel()
	c := newCollective(t, "activemq")
	c.warm(t)
	c.asked(t, map[string]func(*collective, *testing.T){
		"matrix":                (*collective).testMatrix,
		"outputs":               (*collective).testOutputs,
		"providers":             (*collective).testProviders,
		"rpcutil":               (*collective).testRPCUtil,
		"agents in Ruby":        (*collective).testAgentsInRuby,
		"agents in 6 languages": (*collective).testAgentsInSixLanguages,
		"monitoring plugins":    (*collective).testMonitoringPlugins,
	})
	t.Run("restarts", func(t *testing.T) { c.in(t).testRestarts(t) })
}

func TestRabbitMQ(t *testing.T) {
	t.Parallel()
	c := newCollective(t, "rabbitmq")
	c.asked(t, map[string]func(*collective, *testing.T){
		"matrix":    (*collective).testMatrix,
		"providers": (*collective).testProviders,
	})
	t.Run("restarts", func(t *testing.T) { c.in(t).testRestarts(t) })
}

// asked runs the tests together and waits for them.
func (c *collective) asked(t *testing.T, tests map[string]func(*collective, *testing.T)) {
	t.Run("asked", func(t *testing.T) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(c.in(t), t)
			})
		}
	})
}
