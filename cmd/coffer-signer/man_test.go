package main

import (
	"flag"
	"testing"

	"coffer.internal/internal/helptext/manpages/mantest"
)

// man is how `make man` has the pages written: the program that knows the commands is this test's, and the one that is shipped
// shall not link what only writes pages.
var man = flag.String("man", "", "also write the manual pages into this folder")

func TestManPagesAreWholeAndAlwaysTheSame(t *testing.T) { mantest.Run(t, newRoot, exitCodes, *man) }
