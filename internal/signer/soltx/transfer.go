package soltx

import "encoding/binary"

// transfer is what a checked intent says.
type transfer struct {
	from, to, blockhash address
	amount              uint64

	token         bool
	mint          address
	decimals      uint8
	createAccount bool

	unitLimit uint32
	unitPrice uint64
}

// message is the transfer as Solana's validators execute it.
func (t transfer) message() ([]byte, error) {
	instructions := t.budget()
	if !t.token {
		return encode(t.from, t.blockhash, append(instructions, t.system()))
	}
	source, err := tokenAccount(t.from, tokenProgram, t.mint)
	if err != nil {
		return nil, err
	}
	destination, err := tokenAccount(t.to, tokenProgram, t.mint)
	if err != nil {
		return nil, err
	}
	if t.createAccount {
		instructions = append(instructions, t.create(destination))
	}
	return encode(t.from, t.blockhash, append(instructions, t.checked(source, destination)))
}

// budget is ComputeBudget's SetComputeUnitLimit and SetComputeUnitPrice, each if the intent names it.
func (t transfer) budget() []instruction {
	var all []instruction
	if t.unitLimit > 0 {
		all = append(all, instruction{computeBudget, nil, binary.LittleEndian.AppendUint32([]byte{2}, t.unitLimit)})
	}
	if t.unitPrice > 0 {
		all = append(all, instruction{computeBudget, nil, binary.LittleEndian.AppendUint64([]byte{3}, t.unitPrice)})
	}
	return all
}

// system is the System program's Transfer.
func (t transfer) system() instruction {
	return instruction{
		systemProgram,
		[]account{{t.from, true, true}, {t.to, false, true}},
		binary.LittleEndian.AppendUint64([]byte{2, 0, 0, 0}, t.amount),
	}
}

// create is the Associated Token Account program's CreateIdempotent: it does nothing if the account is there.
func (t transfer) create(destination address) instruction {
	return instruction{
		accountProgram,
		[]account{
			{t.from, true, true}, {destination, false, true}, {t.to, false, false}, {t.mint, false, false},
			{systemProgram, false, false}, {tokenProgram, false, false},
		},
		[]byte{1},
	}
}

// checked is the Token program's TransferChecked: the chain refuses it if mint or decimals are not those of the accounts.
func (t transfer) checked(source, destination address) instruction {
	return instruction{
		tokenProgram,
		[]account{{source, false, true}, {t.mint, false, false}, {destination, false, true}, {t.from, true, false}},
		append(binary.LittleEndian.AppendUint64([]byte{12}, t.amount), t.decimals),
	}
}
