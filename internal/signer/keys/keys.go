// Package keys is where private keys are: below the signing machine's policy and its journal, which decide before anything here is
// asked, and which nothing here can go round. A backend is a folder beside this file: seed derives from the vault's words; one that
// speaks to an HSM would be another. The machine knows only the interface.
package keys

import (
	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

// Backend holds the keys at derivation paths. Its methods are called from many goroutines at once.
//
// What it signs is for the journal alone: a signature may be made and thrown away, and two made for one intent need not be the same
// bytes, because only what is journaled is ever given out (docs/decisions/0017-key-backends.md). What it may never do is give a
// private key away, or a signature to anybody but its caller.
type Backend interface {
	// Address is the address of the key at a path, canonical for its chain: EIP-55, P2WPKH in bech32, base58. The same path of a network
	// has the same address for ever, also after a restart.
	Address(chainType string, chainID int64, path string) (string, error)
	// Sign makes the whole signed transaction of an intent that was checked (Check of its chain), with the key at path. It is an error,
	// and nothing is signed, if that is not the key of the intent's From. raw is what the network takes, hash its transaction hash in the
	// chain's notation.
	Sign(i signing.Intent, path string) (raw []byte, hash string, err error)
	// Close forgets what is secret in this process's memory. Nobody may be using it; whoever asks afterwards gets Closed.
	Close()
}

// Closed is the error of a backend that was closed.
func Closed() error {
	return fault.New(fault.Unreachable, "keys_closed", "coffer-signer serve --passphrase-file FILE", "the keys are closed")
}
