//go:build cgo

package main

// library is what go-ethereum signs with when cgo is there.
const library = "libsecp256k1 (cgo)"
