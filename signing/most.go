package signing

import "math/big"

// Most is the most that an intent can take out of its account, in base units: of the chain's own coin (fees included), and of
// a token if it pays one (contract, or mint, is empty otherwise). An intent that says no amount where one belongs takes nothing.
func (i Intent) Most() (native *big.Int, contract string, token *big.Int) {
	switch {
	case i.EVM != nil:
		return i.EVM.most()
	case i.BTC != nil:
		return new(big.Int).Add(integer(i.BTC.Amount), integer(i.BTC.MaxFee)), "", nil
	case i.Solana != nil:
		return i.Solana.most()
	}
	return new(big.Int), "", nil
}

// Pays says what an intent pays: to whom, which asset (contract or mint; empty: the chain's own coin), and how much of it.
func (i Intent) Pays() (to, asset, amount string) {
	switch {
	case i.EVM != nil:
		return i.EVM.To, i.EVM.Contract, i.EVM.Amount
	case i.BTC != nil:
		return i.BTC.To, "", i.BTC.Amount
	case i.Solana != nil:
		return i.Solana.To, i.Solana.Mint, i.Solana.Amount
	}
	return "", "", ""
}

// MostFee is the most that an intent can cost beside what it pays, in base units of the chain's own coin; on Solana, the rent of an
// account that is made for the recipient too.
func (i Intent) MostFee() *big.Int {
	native, asset, _ := i.Most()
	if _, _, amount := i.Pays(); asset == "" {
		native.Sub(native, integer(amount))
	}
	return native
}

func (e *EVMTransfer) most() (native *big.Int, contract string, token *big.Int) {
	price := e.MaxFeePerGas
	if price == "" {
		price = e.GasPrice
	}
	native = new(big.Int).Mul(integer(price), new(big.Int).SetUint64(e.GasLimit))
	if e.Contract != "" {
		return native, e.Contract, integer(e.Amount)
	}
	return native.Add(native, integer(e.Amount)), "", nil
}

const (
	// lamportsPerSignature is Solana's base fee; a transfer has one signature.
	lamportsPerSignature = 5000
	// tokenAccountRent is what makes a token account (165 bytes) exempt from rent, in lamports.
	tokenAccountRent = 2_039_280
	// microLamports are a lamport.
	microLamports = 1_000_000
)

func (s *SolanaTransfer) most() (native *big.Int, mint string, token *big.Int) {
	native = new(big.Int).Mul(integer(s.ComputeUnitPrice), new(big.Int).SetUint64(uint64(s.ComputeUnitLimit)))
	native.Add(native, big.NewInt(microLamports-1)).Div(native, big.NewInt(microLamports))
	native.Add(native, big.NewInt(lamportsPerSignature))
	if s.CreateRecipientAccount {
		native.Add(native, big.NewInt(tokenAccountRent))
	}
	if s.Mint != "" {
		return native, s.Mint, integer(s.Amount)
	}
	return native.Add(native, integer(s.Amount)), "", nil
}

func integer(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return new(big.Int)
	}
	return n
}
