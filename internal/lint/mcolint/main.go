// Command mcolint runs the checks of package lint as a tool of go vet:
//
//	go vet -vettool=$(which mcolint) ./...
package main

import (
	"golang.org/x/tools/go/analysis/unitchecker"

	"mcollective/internal/lint"
)

func main() { unitchecker.Main(lint.Analyzers()...) }
