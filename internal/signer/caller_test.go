package signer

import (
	"testing"

	"coffer.internal/internal/fault"
)

func TestNobodyIsServedWhoCannotBeTold(t *testing.T) {
	for path, e := range endpoints {
		if err := e.may(Caller{}, path); fault.Code(err) != "unknown_caller" {
			t.Errorf("%s: %v", path, err)
		}
	}
}
