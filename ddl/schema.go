package ddl

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON schema (draft 2020-12) of the native form, for editors.
// It is wider than Parse where a schema cannot say what Parse knows, such as
// which validators there are.
func Schema() []byte { return slices.Clone(schema) }
