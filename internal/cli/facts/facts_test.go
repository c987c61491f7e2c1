package facts

import (
	"testing"

	"mcollective/internal/cli"
	"mcollective/internal/cli/clitest"
	"mcollective/internal/subtest"
	"mcollective/value"
)

func TestInnerFacts(t *testing.T) {
	h := value.NewMap("release", value.NewMap("major", "7", "a.b", "x"), "c.d", value.NewMap("e", "y"))
	for path, want := range map[string]any{"release.major": "7", "release.a.b": "x", "c.d.e": "y", "release.minor": nil, "release.major.x": nil, "": nil} {
		t.Run(subtest.Name(path), func(t *testing.T) {
			if got := inner(h, path); got != want {
				t.Errorf("%s is %v, want %v", path, got, want)
			}
		})
	}
}

func TestReportIsCleaned1(t *testing.T) {
	clitest.Cleans(t, func(env *cli.Env) error {
		(&factsOptions{fact: "f"}).print(env, map[string][]string{"v\x1b[2J": {"n"}}, nil)
		return nil
	})
}
