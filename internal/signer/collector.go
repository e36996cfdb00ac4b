package signer

import (
	"os"
	"runtime/debug"
)

// garbagePercent is how much garbage there may be before it is collected, in percent of what is in use. A machine at work has some
// megabytes in use and makes thirty of garbage a second for each thousand payments: by Go's own 100 it would collect all the time.
const garbagePercent = 400

// CollectSeldom has the process collect its garbage less often than Go does by itself, which takes a tenth of what a signature costs.
// GOGC in the environment stands above it. It is of the whole process, so only a program says it, and no package.
func CollectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}
