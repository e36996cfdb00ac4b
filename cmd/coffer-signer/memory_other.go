//go:build !linux

package main

// keepMemoryPrivate keeps the memory of this process, which will hold keys, out of core dumps.
func keepMemoryPrivate() error { return noCore() }
