package signing

// BTCTransfer is a payment of bitcoin out of P2WPKH outputs of From. The PSBT says which outputs are spent and where each
// satoshi goes; the other fields say what it must come to, and the signing machine holds one against the other.
type BTCTransfer struct {
	To     string `json:"to"`      // who is paid, an address of the network; bech32 in lower case
	Amount string `json:"amount"`  // what To gets, in satoshi
	MaxFee string `json:"max_fee"` // the most that inputs may exceed outputs by, in satoshi
	PSBT   []byte `json:"psbt"`    // BIP-174, version 0, unsigned, with the amount of every input; base64 in JSON
}
