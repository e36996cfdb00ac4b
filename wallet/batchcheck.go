package wallet

import (
	"fmt"

	"coffer.internal/internal/fault"
)

// BatchFault is why a row of a batch cannot be right.
type BatchFault struct {
	Row   int    // its index
	Field string // chain_type, chain_id, wallet_type, address, ref or nonce
	Err   error  // a fault.Usage
}

// BatchRefusal refuses a whole batch: nothing of it was tried. It is a fault.Usage.
type BatchRefusal struct{ Faults []BatchFault }

// Error names the first row, and how many there are.
func (b *BatchRefusal) Error() string {
	first := fmt.Sprintf("row %d: %s", b.Faults[0].Row+1, b.Faults[0].Err)
	if n := len(b.Faults); n > 1 {
		return fmt.Sprintf("the batch is refused whole: %d bad rows, the first is %s", n, first)
	}
	return "the batch is refused whole: " + first
}

// Unwrap gives what is wrong with the first row.
func (b *BatchRefusal) Unwrap() error { return b.Faults[0].Err }

// CheckBatch checks all rows against the rules that need nobody to be asked, and against each other. What is wrong comes as a
// *BatchRefusal. CreateBatch does this too.
func CheckBatch(rows []BatchRow) error {
	var faults []BatchFault
	first := map[string]int{}
	for i, row := range rows {
		key, field, err := row.check()
		if err != nil {
			faults = append(faults, BatchFault{Row: i, Field: field, Err: err})
			continue
		}
		if j, twice := first[key]; twice {
			faults = append(faults, BatchFault{Row: i, Field: field, Err: fault.New(fault.Usage, "duplicate_row", "leave one of them out",
				"the wallet of line %d stands here again, in line %d: %s", rows[j].Line, row.Line, row.named())})
			continue
		}
		first[key] = i
	}
	if len(faults) > 0 {
		return &BatchRefusal{Faults: faults}
	}
	return nil
}

// check gives what makes the row's wallet unique, and the field that does.
func (row BatchRow) check() (key, field string, err error) {
	if _, err := ParseChainType(string(row.ChainType)); err != nil {
		return "", "chain_type", err
	}
	if err := CheckChainID(row.ChainType, row.ChainID); err != nil {
		return "", "chain_id", err
	}
	if _, err := ParseType(string(row.kind())); err != nil {
		return "", "wallet_type", err
	}
	if err := checkNonce(row.Nonce); err != nil {
		return "", "nonce", err
	}
	switch {
	case row.Address != "" && row.Ref != "":
		return "", "ref", fault.New(fault.Usage, "address_and_ref", "leave the ref out; it names a key that the signing machine makes",
			"the row has an address and a ref")
	case row.Address != "":
		address, err := ParseAddress(row.ChainType, row.ChainID, row.Address)
		return fmt.Sprintf("address %s %d %s", row.ChainType, row.ChainID, address), "address", err
	case row.kind() != Hot:
		return "", "wallet_type", fault.New(fault.Usage, "address_needed", "give its address; only hot wallets get a new key of the signing machine",
			"a %s wallet is registered by its address, and the row has none", row.Type)
	case row.Ref == "":
		return "", "ref", fault.New(fault.Usage, "ref_needed", "give the row a ref, a name of your own, so that repeating the batch makes no second wallet",
			"the row has neither address nor ref")
	}
	return fmt.Sprintf("ref %s %d %s", row.ChainType, row.ChainID, row.Ref), "ref", checkRef(row.Ref)
}

// named is the row as its owner knows it.
func (row BatchRow) named() string {
	if row.Address != "" {
		return subject(row.ChainType, row.ChainID, row.Address)
	}
	return fmt.Sprintf("%s %d ref %s", row.ChainType, row.ChainID, shown(row.Ref))
}
