package signing

// EVMTransfer is a transfer of the chain's own coin, or of an ERC-20 token when Contract is set. It is an EIP-1559
// transaction when MaxFeePerGas is set, a legacy one (with EIP-155 replay protection) when GasPrice is: never both.
type EVMTransfer struct {
	To       string `json:"to"`                 // who is paid, EIP-55
	Amount   string `json:"amount"`             // decimal integer of base units: wei, or the token's smallest unit
	Contract string `json:"contract,omitempty"` // ERC-20 contract, EIP-55; empty: the chain's own coin

	GasLimit             uint64 `json:"gas_limit"`
	MaxFeePerGas         string `json:"max_fee_per_gas,omitempty"`          // wei, EIP-1559
	MaxPriorityFeePerGas string `json:"max_priority_fee_per_gas,omitempty"` // wei, EIP-1559
	GasPrice             string `json:"gas_price,omitempty"`                // wei, legacy
}
