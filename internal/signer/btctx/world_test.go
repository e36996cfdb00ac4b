package btctx

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/btcutil/psbt"

	"coffer.internal/internal/signer/btctx/btctest"
	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

const (
	regtest  = 3
	stranger = "bcrt1qlk935ze2fsu86zjp395uvtegztrkaezawxx0wf"
)

// recipients are addresses of every type on the regression test network.
var recipients = map[string]string{
	"P2WPKH": "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk",
	"P2PKH":  "mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV",
	"P2SH":   "2N9hLwkSqr1cPQAPxbrGVUjxyjD11G2e1he",
	"P2WSH":  "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry",
	"P2TR":   "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6",
}

// testKey is the private key with all bytes n.
func testKey(n byte) *btcec.PrivateKey {
	key, _ := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{n}, 32))
	return key
}

// addressOf is a key's P2WPKH address.
func addressOf(t testing.TB, chainID int64, key *btcec.PrivateKey) string {
	t.Helper()
	params, err := derive.Network(chainID)
	if err != nil {
		t.Fatal(err)
	}
	a, err := btcutil.NewAddressWitnessPubKeyHash(btcutil.Hash160(key.PubKey().SerializeCompressed()), params)
	if err != nil {
		t.Fatal(err)
	}
	return a.EncodeAddress()
}

// payment is one of 150,000 sat that spends two outputs of 100,000 sat of testKey(1), with a fee of 1,000.
func payment(t testing.TB) btctest.Payment {
	t.Helper()
	return btctest.Payment{
		ChainID: regtest, From: addressOf(t, regtest, testKey(1)), To: recipients["P2WPKH"], Amount: 150_000, Fee: 1_000, Each: 100_000,
		Outputs: []string{"a", "bb"}, Ledger: "l", ID: "p", Nonce: 7,
	}
}

// with is a payment's intent after one change to its PSBT.
func with(p btctest.Payment, change func(*psbt.Packet)) signing.Intent {
	packet := p.Packet()
	change(packet)
	i := p.Intent()
	i.BTC.PSBT = btctest.Encode(packet)
	return i
}
