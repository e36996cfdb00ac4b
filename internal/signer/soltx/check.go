package soltx

import (
	"fmt"
	"math"
	"slices"

	"coffer.internal/internal/signer/derive"
	"coffer.internal/internal/signer/frame"
	"coffer.internal/signing"
)

// maxUnits is the most compute units that a transaction may ask for.
const maxUnits = 1_400_000

// Check says why an intent can never be signed, or nil. It looks at the intent alone: whether a later attempt may be signed, the journal
// says.
func Check(intent signing.Intent) *signing.Refusal {
	if _, why := read(intent); why != "" {
		return frame.Malformed(why)
	}
	return nil
}

// read takes the transfer out of an intent, and says why it cannot be right.
func read(i signing.Intent) (t transfer, why string) {
	if why := frame.Check(i, derive.Solana); why != "" {
		return t, why
	}
	if _, err := derive.Counter(i.ChainType, i.ChainID); err != nil {
		return t, err.Error()
	}
	s := i.Solana
	if why := frame.Payment(i, s.To, s.Amount); why != "" {
		return t, why
	}
	for _, f := range []struct {
		name, value string
		into        *address
	}{{"from", i.From, &t.from}, {"to", s.To, &t.to}, {"recent_blockhash", s.RecentBlockhash, &t.blockhash}} {
		if *f.into, why = decode(f.name, f.value); why != "" {
			return t, why
		}
	}
	if t.amount, why = frame.Number("amount", s.Amount, math.MaxUint64); why != "" {
		return t, why
	}
	for _, step := range []func(*signing.SolanaTransfer) string{life, t.readBudget, t.readToken, t.recipient} {
		if why := step(s); why != "" {
			return t, why
		}
	}
	return t, ""
}

// life is how long the transaction may be taken, and which one of its payment it is.
func life(s *signing.SolanaTransfer) string {
	switch {
	case s.Attempt == 0:
		return "attempts count from 1"
	case s.LastValidBlockHeight == 0 || s.LastValidBlockHeight > signing.MaxNonce:
		return fmt.Sprintf("last_valid_block_height %d is no height", s.LastValidBlockHeight)
	}
	return ""
}

// readBudget reads the compute budget. A price without a limit is refused: the fee would not be known from the intent.
func (t *transfer) readBudget(s *signing.SolanaTransfer) (why string) {
	if s.ComputeUnitLimit > maxUnits {
		return fmt.Sprintf("compute_unit_limit %d is above %d", s.ComputeUnitLimit, maxUnits)
	}
	t.unitLimit = s.ComputeUnitLimit
	if s.ComputeUnitPrice == "" {
		return ""
	}
	if t.unitPrice, why = frame.Number("compute_unit_price", s.ComputeUnitPrice, math.MaxUint64); why != "" {
		return why
	}
	switch {
	case t.unitPrice == 0:
		return "a compute_unit_price of nothing is left out"
	case t.unitLimit == 0:
		return "a compute_unit_price without a compute_unit_limit"
	}
	return ""
}

// readToken reads what is transferred.
func (t *transfer) readToken(s *signing.SolanaTransfer) (why string) {
	if s.Mint == "" {
		if s.Decimals != 0 || s.TokenProgram != "" || s.CreateRecipientAccount {
			return "decimals, token_program and create_recipient_account belong to a token, and no mint is named"
		}
		return ""
	}
	if t.mint, why = decode("mint", s.Mint); why != "" {
		return why
	}
	if s.TokenProgram != tokenProgram.String() {
		return fmt.Sprintf("token_program %q is not signed for, only the Token program %s", s.TokenProgram, tokenProgram)
	}
	t.token, t.decimals, t.createAccount = true, s.Decimals, s.CreateRecipientAccount
	return ""
}

// recipient wants an address that a key can belong to, and not one that is known to be nobody's.
func (t *transfer) recipient(*signing.SolanaTransfer) string {
	nobodys := []address{systemProgram, computeBudget, tokenProgram, accountProgram, token2022, incinerator}
	switch {
	case slices.Contains(nobodys, t.to):
		return fmt.Sprintf("the recipient %s is a program, or burns what it gets", t.to)
	case t.token && (t.to == t.mint || t.from == t.mint):
		return "payer or recipient is the token's own mint"
	case !t.to.onCurve():
		return fmt.Sprintf("the recipient %s is off the curve: no key can belong to it; a wallet is wanted, not a token account", t.to)
	}
	return ""
}
