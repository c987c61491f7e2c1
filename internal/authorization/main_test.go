package authorization

import (
	"os"
	"testing"

	"mcollective/internal/dirtest"
)

func TestMain(m *testing.M) {
	dirtest.Mask()
	os.Exit(m.Run())
}
