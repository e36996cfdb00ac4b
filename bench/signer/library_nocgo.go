//go:build !cgo

package main

// library is what go-ethereum signs with without cgo, as the released programs are built.
const library = "decred (pure Go)"
