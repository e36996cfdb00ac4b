package signer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mr-tron/base58"

	"coffer.internal/internal/signer/btctx"
	"coffer.internal/internal/signer/btctx/btctest"
	"coffer.internal/internal/signer/soltx"
	"coffer.internal/signing"
)

const (
	btcTo    = "bcrt1qlk935ze2fsu86zjp395uvtegztrkaezawxx0wf"
	solanaTo = "HAgk14JpMQLgt6rVgv7cBQFJWFto5Dqxi472uT3DKpqk"
)

func keyOf(t *testing.T, m *Machine, chainType string, chainID int64) string {
	t.Helper()
	k, err := m.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: chainType, ChainID: chainID})
	if err != nil {
		t.Fatal(err)
	}
	return k.Address
}

// btcPayment spends outputs that are known by these names.
func btcPayment(from string, nonce uint64, id string, outputs ...string) signing.Intent {
	return btctest.Payment{
		ChainID: 3, From: from, To: btcTo, Amount: 50_000, Fee: 500, Each: 100_000, Outputs: outputs, Ledger: ledger, ID: id, Nonce: nonce,
	}.Intent()
}

func solanaPayment(from string, chainID int64, nonce uint64, id string) signing.Intent {
	return signing.Intent{
		Version: signing.Version, Ledger: ledger, Payment: id, Purpose: signing.PurposePayment, ChainType: "solana", ChainID: chainID, From: from, Nonce: nonce,
		Solana: &signing.SolanaTransfer{
			To: solanaTo, Amount: "1000", RecentBlockhash: base58.Encode(make([]byte, 32)), LastValidBlockHeight: 300, Attempt: 1,
		},
	}
}

// codes are the answers in a word each.
func codes(answers []signing.Answer) (all []string) {
	for _, a := range answers {
		if a.Refusal == nil {
			all = append(all, "signed")
			continue
		}
		all = append(all, string(a.Refusal.Kind)+" "+a.Refusal.Code)
	}
	return all
}

func ask(t *testing.T, m *Machine, intents ...signing.Intent) []signing.Answer {
	t.Helper()
	answers, err := m.Sign(t.Context(), signing.BatchOf(intents...))
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

func TestEachChainIsSignedByItsOwnKey(t *testing.T) {
	m, evm := newMachine(t)
	btc, sol := btcPayment(keyOf(t, m, "btc", 3), 0, "b", "x", "y"), solanaPayment(keyOf(t, m, "solana", 101), 101, 0, "s")
	answers := ask(t, m, payment(evm, 0, "e"), btc, sol)
	if diff := cmp.Diff([]string{"signed", "signed", "signed"}, codes(answers)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if hash, err := btctx.Verify(btc, answers[1].Raw); err != nil || hash != answers[1].Hash {
		t.Errorf("Bitcoin: %s, %v", hash, err)
	}
	if hash, err := soltx.Verify(sol, answers[2].Raw); err != nil || hash != answers[2].Hash {
		t.Errorf("Solana: %s, %v", hash, err)
	}
}

func TestWhatIsUsedUpIsNotSignedAgainOnBitcoin(t *testing.T) {
	m, _ := newMachine(t)
	from := keyOf(t, m, "btc", 3)
	stranger := btcPayment(from, 9, "z", "z")
	stranger.BTC.To = "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk"
	answers := ask(t, m,
		btcPayment(from, 0, "a", "x", "y"),
		btcPayment(from, 1, "b", "y"),           // an output that a's payment spends
		btcPayment(from, 0, "a", "w"),           // the same payment again, with other inputs
		btcPayment(from, 1, "a", "x", "y"),      // … at another number
		btcPayment(from, 1, "a", "x", "y", "w"), // … with one input more
		btcPayment(from, 0, "b", "w"),           // a's number
		stranger,                                // its PSBT pays somebody else
		btcPayment(from, 1, "b", "w"),
	)
	want := []string{
		"signed", "conflict input_bound", "conflict payment_bound", "conflict payment_bound", "conflict payment_bound", "conflict nonce_bound",
		"permanent malformed", "signed",
	}
	if diff := cmp.Diff(want, codes(answers)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsUsedUpIsNotSignedAgainOnSolana(t *testing.T) {
	m, _ := newMachine(t)
	from := keyOf(t, m, "solana", 101)
	again, fresh, fill := solanaPayment(from, 101, 0, "a"), solanaPayment(from, 101, 0, "a"), solanaPayment(from, 101, 5, "")
	again.Solana.Attempt, again.Solana.RecentBlockhash = 2, solanaTo
	fresh.Solana.RecentBlockhash = solanaTo
	fill.Purpose = signing.PurposeGapFill
	other := solanaPayment(from, 101, 1, "b")
	other.Solana.Amount = "1001"
	answers := ask(t, m,
		solanaPayment(from, 101, 0, "a"),
		again,                            // the same payment with a fresh blockhash, as a second attempt
		fresh,                            // … and as if it were the first
		solanaPayment(from, 101, 1, "a"), // … at another number
		solanaPayment(from, 101, 0, "b"), // a's number
		fill,
		other,
	)
	want := []string{
		"signed", "conflict second_attempt", "conflict payment_bound", "conflict payment_bound", "conflict nonce_bound", "permanent malformed", "signed",
	}
	if diff := cmp.Diff(want, codes(answers)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The chain takes equal bytes once, whatever they pay for here: the second payment would seem made and never be.
func TestTwoPaymentsAreNeverOneTransactionOnSolana(t *testing.T) {
	m, _ := newMachine(t)
	from := keyOf(t, m, "solana", 103)
	longer, onTestnet, dearer, later := solanaPayment(from, 103, 1, "b"), solanaPayment(from, 102, 0, "c"), solanaPayment(from, 103, 2, "d"), solanaPayment(from, 103, 3, "e")
	longer.Solana.LastValidBlockHeight++ // says something else, but not to the chain
	dearer.Solana.ComputeUnitLimit = 1_000
	later.Solana.RecentBlockhash = solanaTo
	answers := ask(t, m, solanaPayment(from, 103, 0, "a"), longer, onTestnet, dearer, later, solanaPayment(from, 103, 0, "a"))
	want := []string{"signed", "conflict message_bound", "conflict message_bound", "signed", "signed", "signed"}
	if diff := cmp.Diff(want, codes(answers)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	byHash := map[string]signing.Digest{}
	for _, a := range answers {
		if first, there := byHash[a.Hash]; there && a.Refusal == nil && first != a.Digest {
			t.Errorf("%s and %s are both transaction %s", first, a.Digest, a.Hash)
		}
		byHash[a.Hash] = a.Digest
	}
}

func TestAKeySignsForItsOwnKindOfNetworkOnly(t *testing.T) {
	m, evm := newMachine(t)
	dev, main := keyOf(t, m, "solana", 103), keyOf(t, m, "solana", 101)
	regtest := keyOf(t, m, "btc", 3)
	posing := payment(evm, 0, "x")
	posing.ChainType = "dogecoin"
	answers := ask(t, m,
		solanaPayment(dev, 101, 0, "a"), solanaPayment(main, 104, 0, "b"), // a blockhash of the main cluster makes both of them good there
		solanaPayment(dev, 104, 0, "c"), solanaPayment(main, 101, 0, "d"),
		btcPayment(regtest, 0, "e", "x"), posing,
	)
	want := []string{"permanent other_network", "permanent other_network", "signed", "signed", "signed", "permanent malformed"}
	if diff := cmp.Diff(want, codes(answers)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := answers[0].Refusal; r != nil && !strings.Contains(r.Reason, dev) {
		t.Errorf("the refusal does not name the key: %s", r.Reason)
	}
}

func TestF34AnAnswerThatWasLostIsGivenAgainOnEveryChain(t *testing.T) {
	home := newHome(t)
	m := start(t, home)
	btc, sol := keyOf(t, m, "btc", 3), keyOf(t, m, "solana", 104)
	intents := []signing.Intent{
		btcPayment(btc, 0, "a", "x"), solanaPayment(sol, 104, 0, "b"), btcPayment(btc, 1, "c", "x"), solanaPayment(sol, 104, 0, "d"),
	}
	first := ask(t, m, intents...)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = start(t, home)
	defer m.Close()
	if diff := cmp.Diff(first, ask(t, m, intents...)); diff != "" {
		t.Errorf("(-first +again):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"signed", "signed", "conflict input_bound", "conflict nonce_bound"}, codes(first)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
