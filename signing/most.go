package signing

import "math/big"

// Most is the most that an intent can take out of its account, in base units: of the chain's own coin (fees included), and of
// a token if it pays one (contract is empty otherwise). An intent that says no amount where one belongs takes nothing.
func (i Intent) Most() (native *big.Int, contract string, token *big.Int) {
	native = new(big.Int)
	if i.EVM == nil {
		return native, "", nil
	}
	price := i.EVM.MaxFeePerGas
	if price == "" {
		price = i.EVM.GasPrice
	}
	native.Mul(integer(price), new(big.Int).SetUint64(i.EVM.GasLimit))
	if i.EVM.Contract != "" {
		return native, i.EVM.Contract, integer(i.EVM.Amount)
	}
	return native.Add(native, integer(i.EVM.Amount)), "", nil
}

func integer(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return new(big.Int)
	}
	return n
}
