package journal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

const (
	payer = "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk"
	txid  = "75ddabb27b8845f5247975c8a5ba7c6f336c4570708ebe230caf6db5217ae858"
)

// bitcoin is a payment on Bitcoin that spends these outputs of one transaction. Its PSBT only makes it another intent.
func bitcoin(nonce uint64, id string, outputs ...int) Proposal {
	i := signing.Intent{
		Version: signing.Version, Ledger: ledger, Payment: id, Purpose: signing.PurposePayment, ChainType: derive.BTC, ChainID: 3, From: payer, Nonce: nonce,
		BTC: &signing.BTCTransfer{To: to, Amount: "1", MaxFee: "1", PSBT: fmt.Append(nil, outputs)},
	}
	p := proposed(i)
	for _, n := range outputs {
		p.Inputs = append(p.Inputs, fmt.Sprintf("%s:%d", txid, n))
	}
	return p
}

// solana is an attempt to pay on Solana.
func solana(nonce uint64, id string, attempt uint32) Proposal {
	return proposed(signing.Intent{
		Version: signing.Version, Ledger: ledger, Payment: id, Purpose: signing.PurposePayment, ChainType: derive.Solana, ChainID: 101, From: "payer", Nonce: nonce,
		Solana: &signing.SolanaTransfer{
			To: to, Amount: "1", Attempt: attempt, RecentBlockhash: fmt.Sprint("hash ", attempt), LastValidBlockHeight: 1000 * uint64(attempt),
		},
	})
}

func TestAnOutputOfBitcoinIsSpentByOnePayloadOnly(t *testing.T) {
	w := newWorld(t)
	onTestnet := bitcoin(9, "e", 0)
	onTestnet.Intent.ChainID, onTestnet.Intent.From = 1, "tb1q6rz28mcfaxtmd6v789l9rrlrusdprr9pqcpvkl"
	onTestnet.Digest = onTestnet.Intent.Digest()
	answers := w.record(
		bitcoin(0, "a", 0, 1),
		bitcoin(1, "b", 2, 1),  // output 1 is a's
		bitcoin(2, "b", 2),     // refused above, so free for b
		bitcoin(2, "c", 3),     // the number is b's
		bitcoin(3, "d", 4, 2),  // output 2 is b's
		onTestnet,              // output 0 is a's, whatever the network is called
		bitcoin(3, "d", 4),     // refused above, so free
		bitcoin(0, "a", 0, 1),  // the same again
		bitcoin(12, "f", 10),   // output 10 is another one than output 1
		bitcoin(13, "g", 0x31), // and so is 49
	)
	if got, want := briefs(answers), " signed input_bound signed nonce_bound input_bound input_bound signed signed signed signed"; got != want {
		t.Fatalf("got %s\nwant%s", got, want)
	}
	if got := answers[1].Refusal.Reason; !strings.HasPrefix(got, "input "+txid+":1 is signed with another payload") {
		t.Errorf("the refusal does not say what is bound: %s", got)
	}
}

func TestAPaymentOnBitcoinKeepsItsInputsAndItsNumber(t *testing.T) {
	w := newWorld(t)
	moreFee := bitcoin(0, "a", 1, 0) // the inputs in another order: another payload with the same inputs
	answers := w.record(bitcoin(0, "a", 0, 1), bitcoin(0, "a", 2), bitcoin(0, "a", 0), bitcoin(1, "a", 0, 1), moreFee, bitcoin(5, "a", 6))
	if got, want := briefs(answers), " signed payment_bound payment_bound payment_bound nonce_bound payment_bound"; got != want {
		t.Fatalf("got %s\nwant%s", got, want)
	}
	want := `payment "a" is signed at nonce 0 of ` + payer + ` on btc 3, input ` + txid + `:0, input ` + txid + `:1`
	if got := answers[1].Refusal.Reason; got != want {
		t.Errorf("reason %s\nwant   %s", got, want)
	}
	w.reopen()
	if got := briefs(w.record(bitcoin(7, "a", 8), bitcoin(7, "z", 1))); got != " payment_bound input_bound" {
		t.Errorf("after a restart:%s", got)
	}
}

func TestARefusalNamesTheFirstFewInputs(t *testing.T) {
	w := newWorld(t)
	answers := w.record(bitcoin(0, "a", 0, 1, 2, 3, 4), bitcoin(0, "a", 9))
	if got := answers[1].Refusal.Reason; !strings.HasSuffix(got, ", input "+txid+":2 and 2 more") {
		t.Errorf("reason %s", got)
	}
}

// A journal that was written before there was anything but EVM holds these keys and values.
func TestWhatWasJournaledBeforeOtherChainsStaysBound(t *testing.T) {
	w := newWorld(t)
	pay := payment(7, "p-1", "1")
	digest := pay.Digest()
	if got := digest.String(); got != "eb8db9f3511b78749edbaebb5e48f1d8a360122cc3bf8778e04a8dbb08e48943" {
		t.Errorf("the digest of an EVM intent changed: %s", got)
	}
	address := append([]byte{3}, "evm"...)
	address = append(append(address, 1, '1', 42), from...)
	slot := append(bytes.Clone(address), 0, 0, 0, 0, 0, 0, 0, 7)
	if got := PlaceOf(pay, nil).slots(); len(got) != 1 || !bytes.Equal(got[0].key, slot) {
		t.Errorf("an EVM intent has other slots than before: %+v", got)
	}
	err := w.db.Update(func(tx *bolt.Tx) error {
		id := append(append([]byte{8}, ledger...), append([]byte{3}, "p-1"...)...)
		if err := tx.Bucket(payments).Put(id, []byte(`{"chain_type":"evm","chain_id":1,"address":"`+from+`","nonce":7}`+"\n")); err != nil {
			return err
		}
		return tx.Bucket(slots).Put(slot, digest[:])
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := briefs(w.record(proposed(payment(7, "p-2", "1")), proposed(payment(8, "p-1", "1")), proposed(payment(7, "p-1", "2")))); got != " nonce_bound payment_bound nonce_bound" {
		t.Errorf("an old journal:%s", got)
	}
}

func TestNoTwoSlotsShareAKey(t *testing.T) {
	posing := solana(9, "p", 1)
	posing.Inputs = bitcoin(9, "p", 0).Inputs // as if an outpoint could be a message
	seen := map[string]string{}
	for _, p := range []Proposal{
		proposed(payment(7, "p", "1")), proposed(payment(8, "p", "1")), bitcoin(7, "p", 0, 1, 10), bitcoin(8, "p", 11),
		solana(7, "p", 1), solana(7, "p", 2), solana(8, "p", 1), posing,
	} {
		for _, s := range PlaceOf(p.Intent, p.Inputs).slots() {
			if other, there := seen[string(s.key)]; there {
				t.Errorf("%s and %s are one slot", other, s.name())
			}
			seen[string(s.key)] = s.name()
		}
	}
	if len(seen) != 2+4+2+3+2 {
		t.Errorf("%d slots: %v", len(seen), seen)
	}
}
