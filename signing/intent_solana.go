package signing

// SolanaTransfer is a transfer of SOL, or of an SPL token when Mint is set. The transaction is made of these fields and From alone:
// two payments that differ in none of what goes into it would be one transaction, and the second is refused.
type SolanaTransfer struct {
	To     string `json:"to"`     // who is paid: the address of a wallet, not of a token account
	Amount string `json:"amount"` // lamports, or the token's smallest unit

	Mint                   string `json:"mint,omitempty"`                     // the token; empty: SOL
	Decimals               uint8  `json:"decimals,omitempty"`                 // of the token; the chain refuses a wrong one
	TokenProgram           string `json:"token_program,omitempty"`            // that owns the mint
	CreateRecipientAccount bool   `json:"create_recipient_account,omitempty"` // make To's token account if it has none; From pays its rent

	ComputeUnitLimit uint32 `json:"compute_unit_limit,omitempty"`
	ComputeUnitPrice string `json:"compute_unit_price,omitempty"` // micro-lamports for each unit of ComputeUnitLimit

	RecentBlockhash      string `json:"recent_blockhash"`        // the transaction is dead when this is too old
	LastValidBlockHeight uint64 `json:"last_valid_block_height"` // the last height at which it is not; not in the transaction itself
	Attempt              uint32 `json:"attempt"`                 // 1, and one more for each blockhash after that
}
