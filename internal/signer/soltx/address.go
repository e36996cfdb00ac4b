package soltx

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"filippo.io/edwards25519"
	"github.com/mr-tron/base58"
)

// address is an account of Solana: a public key, or an address of a program, which lies off the curve.
type address [32]byte

func (a address) String() string { return base58.Encode(a[:]) }

// onCurve says whether a key can belong to the address.
func (a address) onCurve() bool {
	_, err := new(edwards25519.Point).SetBytes(a[:])
	return err == nil
}

// decode reads the one spelling that an address, or a blockhash, has.
func decode(name, s string) (a address, why string) {
	b, err := base58.Decode(s)
	if err != nil || len(b) != len(a) || base58.Encode(b) != s {
		return a, fmt.Sprintf("%s %q is not the base58 of 32 bytes", name, s)
	}
	return address(b), ""
}

func known(s string) address {
	a, why := decode("program", s)
	if why != "" {
		panic(why)
	}
	return a
}

// The programs that a transfer calls, and two addresses that are nobody's.
var (
	systemProgram  = known("11111111111111111111111111111111")
	computeBudget  = known("ComputeBudget111111111111111111111111111111")
	tokenProgram   = known("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
	accountProgram = known("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL") // Associated Token Account
	token2022      = known("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
	incinerator    = known("1nc1nerator11111111111111111111111111111111")
)

// tokenAccount is the associated token account of a wallet: the one address where everybody looks for its tokens of a mint.
func tokenAccount(owner, program, mint address) (address, error) {
	return programAddress(accountProgram, owner[:], program[:], mint[:])
}

// programAddress is find_program_address: the first address off the curve, with a last seed counted down from 255.
func programAddress(program address, seeds ...[]byte) (address, error) {
	for bump := 255; bump >= 0; bump-- {
		h := sha256.New()
		for _, s := range seeds {
			h.Write(s)
		}
		h.Write([]byte{byte(bump)})
		h.Write(program[:])
		h.Write([]byte("ProgramDerivedAddress"))
		if a := address(h.Sum(nil)); !a.onCurve() {
			return a, nil
		}
	}
	return address{}, errors.New("no address of the program lies off the curve")
}
