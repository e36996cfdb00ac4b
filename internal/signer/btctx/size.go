package btctx

import (
	"coffer.internal/signing"
)

// witnessOfInput is the weight of the witness of a P2WPKH input: how many items, a signature of 71 bytes with its length, and a public
// key with its length (BIP-141). Half of all signatures are that long and the others a byte longer: the rate of a fee is not understated.
const witnessOfInput = 1 + 1 + 71 + 1 + 33

// FeeAndSize are the fee of the transaction that an intent asks for, in satoshi, and its virtual size when it is signed (BIP-141). ok is
// false if Check refuses the intent.
func FeeAndSize(intent signing.Intent) (fee, virtual int64, ok bool) {
	s, why := read(intent)
	if why != "" {
		return 0, 0, false
	}
	for _, spent := range s.spent {
		fee += spent.Value
	}
	for _, out := range s.tx.TxOut {
		fee -= out.Value
	}
	const markerAndFlag = 2
	weight := int64(s.tx.SerializeSizeStripped())*4 + markerAndFlag + int64(len(s.tx.TxIn))*witnessOfInput
	return fee, (weight + 3) / 4, true
}
