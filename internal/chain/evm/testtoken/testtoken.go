// Package testtoken is an ERC-20 contract for chains of tests and the demo. It can be made bad in the ways in which tokens
// on real chains are.
//
// Token.hex is Token.sol compiled once with solc 0.8.37 (npm package solc; evmVersion shanghai, optimizer 200 runs, no
// metadata at its end), so that nothing here needs a compiler.
package testtoken

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

//go:embed Token.hex
var creation string

// Kind is what is wrong with a token.
type Kind uint8

// The kinds; Token.sol says what each does.
const (
	Good        Kind = iota
	Silent           // says true, moves nothing, no log
	TakesFee         // the recipient gets one unit less
	LogsTwice        // two equal logs for one transfer
	SaysFalse        // answers false, changes nothing
	SaysNothing      // moves, and answers with no data
	Bars             // reverts for the recipient Barred
)

// Barred is whom a token of kind Bars refuses.
var Barred = common.HexToAddress("0x000000000000000000000000000000000000dEaD")

// Creation is the data of a transaction that creates a token of a kind: the code, then the constructor's arguments
// (string, uint8) in ABI encoding. The whole supply, 10^24 smallest units, goes to who sends it. Decimals are 0.
func Creation(name string, kind Kind) ([]byte, error) {
	if len(name) > 32 {
		return nil, fmt.Errorf("token name %q is longer than 32 bytes", name)
	}
	data, err := hex.DecodeString(strings.TrimSpace(creation))
	if err != nil {
		return nil, fmt.Errorf("read Token.hex: %w", err)
	}
	data = append(data, word(64)...) // where the string begins
	data = append(data, word(int64(kind))...)
	data = append(data, word(int64(len(name)))...)
	return append(data, common.RightPadBytes([]byte(name), 32)...), nil
}

func word(n int64) []byte { return common.LeftPadBytes(big.NewInt(n).Bytes(), 32) }

// Refuser is the data of a transaction that creates a contract which reverts whatever is sent to it.
func Refuser() []byte {
	// PUSH5 <PUSH1 0 PUSH1 0 REVERT>, MSTORE at 0, return its five bytes.
	return common.FromHex("0x6460006000fd6000526005601bf3")
}
