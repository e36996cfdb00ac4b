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
