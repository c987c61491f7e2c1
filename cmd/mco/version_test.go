package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mcollective/internal/dirtest"
)

// TestVersionStamp builds the program with the linker flag of the Makefile. The
// linker says nothing of a variable that is not there.
func TestVersionStamp(t *testing.T) {
	if testing.Short() {
		t.Skip("links the program")
	}
	t.Parallel() // beside the scripts
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no Go to build with: ", err)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	flag := regexp.MustCompile(`-X \S+=\$\(VERSION\)`).FindString(string(makefile))
	if flag == "" {
		t.Fatal("the Makefile stamps no version")
	}
	const stamp = "9.8.7-stamp"
	program := filepath.Join(dirtest.New(t), "mco")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags", strings.ReplaceAll(flag, "$(VERSION)", stamp), "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(ctx, program, "version").CombinedOutput()
	if err != nil || string(out) != stamp+"\n" {
		t.Errorf("mco version prints %q (%v), want %q", out, err, stamp)
	}
}
