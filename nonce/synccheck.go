package nonce

import "coffer.internal/internal/fault"

// SyncFault is why a call of a batch cannot be right, whatever the wallets are.
type SyncFault struct {
	Row  int
	Twin int // the earlier call about the same wallet, or -1
	Err  error
}

// CheckSyncs checks the calls of a batch as far as nobody has to be asked: addresses, numbers, and whether a wallet stands twice.
// SyncBatch does this too.
func CheckSyncs(calls []SyncCall) []SyncFault {
	b := newSyncBatch(calls)
	var faults []SyncFault
	for i, err := range b.wrong {
		if err != nil && calls[i].Doubt == nil {
			faults = append(faults, SyncFault{Row: i, Twin: b.twins[i], Err: err})
		}
	}
	return faults
}

// Field is the field that is wrong: address or chain_nonce.
func (f SyncFault) Field() string {
	if fault.Code(f.Err) == "nonce_too_high" {
		return "chain_nonce"
	}
	return "address"
}
