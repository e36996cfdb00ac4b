package soltx

import (
	"errors"
	"fmt"
)

// account is one that an instruction names, with what the instruction does to it.
type account struct {
	address          address
	signer, writable bool
}

// instruction is one call of a program.
type instruction struct {
	program  address
	accounts []account
	data     []byte
}

// maxAccounts is how many accounts a message of ours could name at most; the format has room for 256.
const maxAccounts = 64

// encode lays out a legacy message:
//
//	header        number of signers, of those that are only read, of the others that are only read
//	accounts      compact length, then 32 bytes each: payer, other signers, others written, others read
//	blockhash     32 bytes
//	instructions  compact length, then each: program's index, accounts' indexes, data (the last two with compact lengths)
func encode(payer, blockhash address, instructions []instruction) ([]byte, error) {
	all := []account{{payer, true, true}}
	for _, in := range instructions {
		for _, a := range in.accounts {
			all = merge(all, a)
		}
	}
	for _, in := range instructions {
		all = merge(all, account{address: in.program})
	}
	if len(all) > maxAccounts {
		return nil, fmt.Errorf("a message with %d accounts", len(all))
	}
	var ordered []account
	var signers, readSigners, readOthers byte
	for _, signer := range []bool{true, false} {
		for _, writable := range []bool{true, false} { // the payer is first of all: it stands first among those it belongs to
			for _, a := range all {
				if a.signer != signer || a.writable != writable {
					continue
				}
				ordered = append(ordered, a)
				switch {
				case signer && writable:
					signers++
				case signer:
					signers++
					readSigners++
				case !writable:
					readOthers++
				}
			}
		}
	}
	if signers != 1 {
		return nil, errors.New("a message that somebody else has to sign as well")
	}
	index := map[address]byte{}
	out := compact([]byte{signers, readSigners, readOthers}, len(ordered))
	for n, a := range ordered {
		index[a.address] = byte(n)
		out = append(out, a.address[:]...)
	}
	out = append(out, blockhash[:]...)
	out = compact(out, len(instructions))
	for _, in := range instructions {
		out = append(out, index[in.program])
		out = compact(out, len(in.accounts))
		for _, a := range in.accounts {
			out = append(out, index[a.address])
		}
		out = compact(out, len(in.data))
		out = append(out, in.data...)
	}
	return out, nil
}

// merge adds an account, or what an instruction does to one that is there.
func merge(all []account, a account) []account {
	for n := range all {
		if all[n].address == a.address {
			all[n].signer = all[n].signer || a.signer
			all[n].writable = all[n].writable || a.writable
			return all
		}
	}
	return append(all, a)
}

// compact appends a length as Solana's compact-u16: seven bits a byte, the lowest first, the top bit says that more follow.
func compact(b []byte, n int) []byte {
	for n >= 0x80 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}
