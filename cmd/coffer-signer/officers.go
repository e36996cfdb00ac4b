package main

import (
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/officers"
)

// officers are those of the policy in force of a home that nobody serves.
func (a *app) officers(_ string, j *journal.Journal) ([]officers.Officer, error) {
	device, err := j.Device()
	if err != nil {
		return nil, err
	}
	return signer.Officers(j, device)
}
