// Package derive makes every key of the signing machine from its one seed.
//
//	evm     m/44'/60'/A'/0/i       secp256k1, BIP-32 and BIP-44
//	btc     m/84'/0'/A'/0/i        secp256k1, BIP-84; coin type 1' on the test networks
//	solana  m/44'/501'/i'/A'       ed25519, SLIP-0010; coin type 1' on the test clusters
//
// A is the account: 0 hot, 1 cold, 2 vault. It is a hardened step, so that who has one account's key and extended public key has no
// other account's. What the key is for is read from its path (AccountOf), and from nothing that anybody says.
//
// A signature of Solana does not say which cluster it is for. So the main one has keys of its own: what is signed for a test
// cluster moves nothing on it.
package derive

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"fmt"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/btcutil/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/mr-tron/base58"

	"coffer.internal/internal/fault"
)

// The chain types that keys are made for.
const (
	EVM    = "evm"
	BTC    = "btc"
	Solana = "solana"
)

// hardened is the offset of a hardened index, written with an apostrophe.
const hardened = hdkeychain.HardenedKeyStart

// MaxIndex is the highest index of a key.
const MaxIndex = hardened - 1

// Counter names the counter that a chain's indexes come from: chains of one counter share keys' paths. EVM chains share one;
// Bitcoin and Solana have one for the main network and one for the test networks, whose coin types differ (SLIP-0044).
func Counter(chainType string, chainID int64) (string, error) {
	switch chainType {
	case EVM:
		return "evm/60", nil
	case BTC:
		net, err := network(chainID)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("btc/%d", net.coin), nil
	case Solana:
		coin, err := cluster(chainID)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("solana/%d", coin), nil
	}
	return "", fault.New(fault.Usage, "bad_chain_type", "evm, btc or solana", "chain type %q is not known", chainType)
}

// Path is the derivation path of a chain's key with this index in an account.
func Path(account Account, chainType string, chainID int64, index uint32) (string, error) {
	if index > MaxIndex {
		return "", fmt.Errorf("key index %d is above %d", index, uint32(MaxIndex))
	}
	a, err := account.number()
	if err != nil {
		return "", err
	}
	switch chainType {
	case EVM:
		return fmt.Sprintf("m/44'/60'/%d'/0/%d", a, index), nil
	case BTC:
		net, err := network(chainID)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("m/84'/%d'/%d'/0/%d", net.coin, a, index), nil
	case Solana:
		coin, err := cluster(chainID)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("m/44'/%d'/%d'/%d'", coin, index, a), nil
	}
	_, err = Counter(chainType, chainID)
	return "", err
}

// Address is the address of the key at path, canonical: EIP-55, P2WPKH in bech32 (BIP-173) with the network's prefix, base58.
func Address(seed []byte, chainType string, chainID int64, path string) (string, error) {
	switch chainType {
	case EVM:
		key, err := Secp256k1(seed, path)
		if err != nil {
			return "", err
		}
		return crypto.PubkeyToAddress(key.PublicKey).Hex(), nil
	case BTC:
		return segwit(seed, chainID, path)
	case Solana:
		key, err := Ed25519(seed, path)
		if err != nil {
			return "", err
		}
		return base58.Encode(key.Public().(ed25519.PublicKey)), nil
	}
	_, err := Counter(chainType, chainID)
	return "", err
}

// Secp256k1 derives a key of Ethereum (BIP-32).
func Secp256k1(seed []byte, path string) (*ecdsa.PrivateKey, error) {
	private, err := Btcec(seed, path)
	if err != nil {
		return nil, err
	}
	defer private.Zero()
	b := private.Serialize()
	defer clear(b)
	return crypto.ToECDSA(b) // of go-ethereum's own curve, which its fast signer wants
}

// Btcec derives a key of Bitcoin (BIP-32), of the curve that its libraries want.
func Btcec(seed []byte, path string) (*btcec.PrivateKey, error) {
	key, err := bip32(seed, path)
	if err != nil {
		return nil, err
	}
	defer key.Zero()
	private, err := key.ECPrivKey()
	if err != nil {
		return nil, fmt.Errorf("derive %s: %w", path, err)
	}
	return private, nil
}

func bip32(seed []byte, path string) (*hdkeychain.ExtendedKey, error) {
	steps, err := parse(path)
	if err != nil {
		return nil, err
	}
	key, err := hdkeychain.NewMaster(seed, &chaincfg.MainNetParams)
	if err != nil {
		return nil, fmt.Errorf("derive the master key: %w", err)
	}
	for _, s := range steps {
		child, err := key.Derive(s)
		key.Zero()
		if err != nil {
			return nil, fmt.Errorf("derive %s: %w", path, err)
		}
		key = child
	}
	return key, nil
}

func segwit(seed []byte, chainID int64, path string) (string, error) {
	net, err := network(chainID)
	if err != nil {
		return "", err
	}
	key, err := bip32(seed, path)
	if err != nil {
		return "", err
	}
	defer key.Zero()
	public, err := key.ECPubKey()
	if err != nil {
		return "", fmt.Errorf("derive %s: %w", path, err)
	}
	address, err := btcutil.NewAddressWitnessPubKeyHash(btcutil.Hash160(public.SerializeCompressed()), net.params)
	if err != nil {
		return "", fmt.Errorf("address of %s: %w", path, err)
	}
	return address.EncodeAddress(), nil
}

// bitcoin is a network of Bitcoin: its coin type in paths, and the prefix of its addresses.
type bitcoin struct {
	coin   int
	params *chaincfg.Params
}

// network is the Bitcoin network of a chain id: 0 main, 1 test, 2 signet, 3 regtest.
func network(chainID int64) (bitcoin, error) {
	switch chainID {
	case 0:
		return bitcoin{0, &chaincfg.MainNetParams}, nil
	case 1:
		return bitcoin{1, &chaincfg.TestNet3Params}, nil
	case 2:
		return bitcoin{1, &chaincfg.SigNetParams}, nil
	case 3:
		return bitcoin{1, &chaincfg.RegressionNetParams}, nil
	}
	return bitcoin{}, fault.New(fault.Usage, "bad_chain_id", "0 is mainnet, 1 testnet, 2 signet, 3 regtest", "Bitcoin has no chain id %d", chainID)
}

// Network is the Bitcoin network of a chain id, as Bitcoin's libraries describe it.
func Network(chainID int64) (*chaincfg.Params, error) {
	net, err := network(chainID)
	return net.params, err
}

// cluster is the coin type of a cluster of Solana: 101 main; 102 test, 103 dev, 104 local.
func cluster(chainID int64) (coin int, err error) {
	switch chainID {
	case 101:
		return 501, nil
	case 102, 103, 104:
		return 1, nil
	}
	return 0, fault.New(fault.Usage, "bad_chain_id", "101 is mainnet, 102 testnet, 103 devnet, 104 local", "Solana has no chain id %d", chainID)
}

// parse reads a path such as m/44'/60'/0'/0/7.
func parse(path string) ([]uint32, error) {
	rest, ok := strings.CutPrefix(path, "m")
	if !ok {
		return nil, fmt.Errorf("path %q does not begin with m", path)
	}
	var steps []uint32
	for part := range strings.SplitSeq(strings.TrimPrefix(rest, "/"), "/") {
		if part == "" && rest == "" {
			return nil, nil
		}
		digits, hard := strings.CutSuffix(part, "'")
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("path %q: %q is no index", path, part)
		}
		if hard {
			n += hardened
		}
		steps = append(steps, uint32(n))
	}
	return steps, nil
}
