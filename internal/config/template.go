package config

import _ "embed"

// Template is the commented coffer.toml that `coffer init` writes. It sets nothing: every line shows a default, or an example
// that has no default.
//
//go:embed coffer.toml
var Template string
