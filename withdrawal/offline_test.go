package withdrawal_test

import (
	"bytes"
	"crypto/ed25519"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/journal"
	"coffer.internal/internal/signer/keys/seed"
	"coffer.internal/internal/signer/policy"
	"coffer.internal/internal/signer/vault"
	"coffer.internal/internal/store"
	"coffer.internal/nonce"
	"coffer.internal/signing"
	"coffer.internal/wallet"
	"coffer.internal/withdrawal"
)

// coldRules permit payments up to 2000 base units, two within an hour.
const coldRules = `version = 1

[[rule]]
name = "cold payments"
purposes = ["withdraw"]
accounts = ["cold"]
chains = ["evm:1337"]
assets = ["coin"]
authorized_by = "nobody"
payment = "2000"
all_keys = { hour_count = 2 }

[[rule]]
name = "cold mending"
purposes = ["cancel", "gap_fill"]
accounts = ["cold"]
chains = ["evm:1337"]
`

// coldRoom is a world with a second signing machine that nothing but files reaches, and a cold wallet of its.
type coldRoom struct {
	*world
	home   string
	wallet wallet.Wallet
}

func newColdRoom(w *world) *coldRoom {
	w.Helper()
	c := &coldRoom{world: w, home: filepath.Join(w.TempDir(), "cold")}
	w.must(journal.Create(c.home))
	_, err := vault.Create(c.home, nil, []byte("x"), vault.Options{WorkFactor: 2})
	w.must(err)
	ledger, err := w.db.Ledger(w.Context())
	w.must(err)
	var k signing.Key
	c.inside(func(m *signer.Machine) {
		k, err = m.NewKey(w.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1337, Account: "cold"})
		w.must(err)
	})
	c.wallet, _, err = wallet.NewRegistry(w.db, w.machine, "tester").CreateInternal(w.Context(), wallet.InternalRequest{
		Address: k.Address, ChainType: wallet.EVM, ChainID: 1337, Type: wallet.Cold, Device: k.Device, Path: k.Path,
	})
	w.must(err)
	w.ether(k.Address)
	w.machine.asked = func(intents []signing.Intent) {
		for _, i := range intents {
			if i.From == c.wallet.Address {
				w.Errorf("the reachable machine was asked for %s of the cold wallet", i.Purpose)
			}
		}
	}
	return c
}

// inside starts the cold machine for one thing, as a command does.
func (c *coldRoom) inside(do func(*signer.Machine)) {
	c.Helper()
	v, err := vault.Open(c.home, []byte("x"), vault.Options{})
	c.must(err)
	rules, err := policy.Parse([]byte(coldRules))
	c.must(err)
	j, err := journal.Open(c.home, v.Device(), journal.Options{Policy: rules})
	c.must(err)
	m := signer.New(v, j, "test")
	do(m)
	c.must(m.Close())
}

// ether sends one ether to an address.
func (w *world) ether(address string) {
	w.Helper()
	to, id := common.HexToAddress(address), big.NewInt(w.setup.ID)
	n, err := w.client.NonceAt(w.Context(), w.richAddress(), nil)
	w.must(err)
	tx, err := types.SignNewTx(w.rich, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: n, To: &to, Gas: 21_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(params.GWei), Value: ether(1),
	})
	w.must(err)
	w.must(w.client.SendTransaction(w.Context(), tx))
	w.node.Commit()
}

// export asks for a payment, as `coffer tx export` does.
func (c *coldRoom) export(r withdrawal.Request) (withdrawal.ExportedPayment, error) {
	c.Helper()
	q := withdrawal.ExportRequest{PayRequest: withdrawal.PayRequest{To: r.To, Amount: r.Amount, BaseUnits: true, Authorizations: r.Authorizations}}
	if err := c.engine.Exportable(c.Context(), c.wallet.Address, 1337, r.ID, q); err != nil {
		return withdrawal.ExportedPayment{}, err
	}
	res, err := c.ledger.Reserve(c.Context(), nonce.Call{Address: c.wallet.Address, ChainID: 1337, Request: r.ID, Count: 1})
	if err != nil {
		return withdrawal.ExportedPayment{}, err
	}
	return c.engine.Export(c.Context(), res, q)
}

func (c *coldRoom) exported(r withdrawal.Request) signing.OfflineRequests {
	c.Helper()
	x, err := c.export(r)
	c.must(err)
	return x.Requests
}

// sign has a file signed by the cold machine, and reads the answers from their bytes.
func (c *coldRoom) sign(o signing.OfflineRequests) (answers signing.OfflineAnswers) {
	c.Helper()
	read, err := signing.ReadOfflineRequests(o.Encode())
	c.must(err)
	c.inside(func(m *signer.Machine) {
		answers, err = m.SignOffline(c.Context(), read)
		c.must(err)
	})
	answers, err = signing.ReadOfflineAnswers(answers.Encode())
	c.must(err)
	return answers
}

func (c *coldRoom) imported(o signing.OfflineAnswers) []withdrawal.Imported {
	c.Helper()
	report, err := c.engine.Import(c.Context(), o)
	c.must(err)
	return report
}

// Each step may be the last one before a crash, and is said again: the wallet pays once, and the machine that is reachable never hears.
func TestAColdWalletPaysOnceByFiles(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		c := newColdRoom(w)
		hot := c.submit("hot")
		cold := c.request("cold")
		first := c.exported(cold)
		for range 2 {
			c.open() // a process that starts
			c.settle()
			c.want("cold", store.WithdrawalAssigned, "")
			x, err := c.export(cold)
			c.must(err)
			if !x.Already || !bytes.Equal(x.Requests.Encode(), first.Encode()) || x.Requests.Device != c.wallet.Device {
				t.Fatalf("another file: %s", x.Requests.Encode())
			}
		}
		answers := c.sign(first)
		if again := c.sign(first); !bytes.Equal(again.Encode(), answers.Encode()) {
			t.Errorf("another answer: %s", again.Encode())
		}
		for n := range 3 {
			c.open()
			report := c.imported(answers)
			if len(report) != 1 || report[0].Already != (n > 0) || report[0].Hash == "" || report[0].Refused != "" {
				t.Fatalf("import %d: %+v", n, report)
			}
			c.settle()
		}
		c.wantPaidOnce(append(hot, cold)...)
		c.wantSpent(c.wallet, 1)
		if _, err := c.engine.ExportAgain(t.Context(), "cold"); fault.Code(err) != "already_ended" {
			t.Errorf("exported after its end: %v", err)
		}
		known, err := c.device()
		if err != nil || known.Held != 1 {
			t.Errorf("its receipt is not kept: %+v, %v", known, err)
		}
		if next := c.exported(c.request("next")); next.Held != 1 {
			t.Errorf("the next file does not say which receipt is held: %d", next.Held)
		}
	})
}

func (c *coldRoom) device() (d store.Device, err error) {
	err = c.db.View(c.Context(), func(r store.Reader) error {
		d, err = r.Device(c.Context(), c.wallet.Device)
		return err
	})
	return d, err
}

// What the cold machine refuses is over, whatever the kind: the engine would pay it from a hot wallet otherwise. Its nonce is filled by
// the next file.
func TestARefusalOfAColdMachineEndsThePaymentAndTheNextFileFillsItsNonce(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		c := newColdRoom(w)
		large, second, third, fourth := c.request("large"), c.request("second"), c.request("third"), c.request("fourth")
		large.Amount = "2001"
		report := c.imported(c.sign(c.exported(large)))
		if !strings.Contains(report[0].Refused, "above_payment_cap") {
			t.Fatalf("%+v", report)
		}
		c.settle() // the daemon leaves the gap to the machine that has the key
		c.want("large", store.WithdrawalEnded, store.OutcomeRefused)
		if o := c.exported(second); len(o.Requests) != 2 {
			t.Fatalf("%d requests in the file, want the filling of nonce 0 and the payment: %s", len(o.Requests), o.Encode())
		} else {
			c.imported(c.sign(o))
		}
		c.settle()
		c.imported(c.sign(c.exported(third)))
		report = c.imported(c.sign(c.exported(fourth)))
		if !strings.Contains(report[0].Refused, "hour_count") {
			t.Fatalf("the third within the hour: %+v", report)
		}
		c.settle()
		c.wantPaidOnce(second, third)
		if got := c.want("fourth", store.WithdrawalEnded, store.OutcomeRefused); !strings.Contains(got.Reason, "new request id") {
			t.Errorf("it ended because %q", got.Reason)
		}
		if got := c.balance(fourth.To); got.Sign() != 0 {
			t.Errorf("a hot wallet paid %s", got)
		}
	})
}

func TestAFileThatWasNeverSignedIsGivenUpByACancellation(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		c := newColdRoom(w)
		lost := c.request("lost")
		payment := c.exported(lost)
		_, _, err := c.desk.Cancel(t.Context(), "lost", "given up") // which the daemon cannot do
		c.must(err)
		c.settle()
		c.want("lost", store.WithdrawalAssigned, "")
		x, err := c.engine.ExportCancel(t.Context(), "lost", "given up")
		c.must(err)
		again, err := c.engine.ExportCancel(t.Context(), "lost", "given up")
		c.must(err)
		if !again.Already || !bytes.Equal(again.Requests.Encode(), x.Requests.Encode()) || len(x.Requests.Requests) != 1 {
			t.Fatalf("another file: %s", again.Requests.Encode())
		}
		c.imported(c.sign(x.Requests))
		c.settle()
		c.want("lost", store.WithdrawalEnded, store.OutcomeCancelled)
		if report := c.sign(payment).Answers[0]; report.Refusal == nil || report.Refusal.Code != "cancelled" {
			t.Errorf("the payment is signed after its cancellation: %+v", report)
		}
		c.wantSpent(c.wallet, 1)
	})
}

func TestOnlyAnswersThatFitWhatWasAskedAreImported(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		c := newColdRoom(w)
		a, b := c.request("a"), c.request("b")
		requests := c.exported(a)
		answers := c.sign(requests)
		identity := func(do func(signing.Batch, []signing.Answer) ([]signing.Request, []signing.Answer)) signing.OfflineAnswers {
			return c.forged(requests, answers, do)
		}
		for name, bad := range map[string]struct {
			file signing.OfflineAnswers
			code string
		}{
			"another ledger": {func() signing.OfflineAnswers { o := answers; o.Ledger = "another"; return o }(), "other_ledger"},
			"what nobody asked": {identity(func(q signing.Batch, s []signing.Answer) ([]signing.Request, []signing.Answer) {
				i := q.Requests[0].Intent
				i.Payment = "nobody"
				return []signing.Request{{Intent: i}}, c.signedBy(i)
			}), "never_asked"},
			"other bytes": {identity(func(q signing.Batch, s []signing.Answer) ([]signing.Request, []signing.Answer) {
				i := q.Requests[0].Intent
				e := *i.EVM
				e.To = b.To
				i.EVM = &e
				got := c.signedBy(i)
				got[0].Digest = q.Requests[0].Intent.Digest()
				return q.Requests, got
			}), "wrong_transaction"},
			"without its receipt": {identity(func(q signing.Batch, s []signing.Answer) ([]signing.Request, []signing.Answer) {
				s[0].Receipt = signing.Receipt{}
				return q.Requests, s
			}), "bad_answers"},
		} {
			if report, err := c.engine.Import(t.Context(), bad.file); fault.Code(err) != bad.code {
				t.Errorf("%s: %+v, %v", name, report, err)
			}
		}
		c.want("a", store.WithdrawalAssigned, "")
		if got := c.attempt("a"); got.State != store.AttemptAsked {
			t.Errorf("it is %s", got.State)
		}
	})
}

func TestOnlyAColdWalletsFileIsExported(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		c := newColdRoom(w)
		hot := c.wallets[0]
		q := withdrawal.ExportRequest{PayRequest: withdrawal.PayRequest{To: c.recipient(), Amount: "1", BaseUnits: true}}
		if err := c.engine.Exportable(t.Context(), hot.Address, 1337, "x", q); fault.Code(err) != "not_offline" {
			t.Errorf("a hot wallet: %v", err)
		}
		k, err := c.machine.NewKey(t.Context(), signing.KeyRequest{Ledger: c.ledgerID(), ChainType: "evm", ChainID: 1337, Account: "cold"})
		c.must(err)
		near, _, err := wallet.NewRegistry(w.db, w.machine, "t").CreateInternal(t.Context(), wallet.InternalRequest{Address: k.Address, ChainType: wallet.EVM, ChainID: 1337, Type: wallet.Cold})
		c.must(err)
		if err := c.engine.Exportable(t.Context(), near.Address, 1337, "x", q); fault.Code(err) != "machine_reachable" {
			t.Errorf("a machine that answers here: %v", err)
		}
		q.MaxFee = big.NewInt(1)
		res, err := c.ledger.Reserve(t.Context(), nonce.Call{Address: c.wallet.Address, ChainID: 1337, Request: "dear", Count: 1})
		c.must(err)
		if _, err := c.engine.Export(t.Context(), res, q); fault.Code(err) != "fees_above_max" {
			t.Errorf("a fee above the most: %v", err)
		}
		if _, err := c.engine.Pay(t.Context(), res, 0, q.PayRequest); fault.Code(err) != "another_machine" {
			c.Errorf("paid from Go: %v", err)
		}
	})
}

func TestExplainNamesTheFileThatAPaymentWaitsFor(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		c := newColdRoom(w)
		c.exported(c.request("a"))
		e, err := c.desk.Explain(t.Context(), "a", withdrawal.Outside{Signer: withdrawal.SignerReady, Device: c.wallets[0].Device})
		if err != nil || e.Cause != withdrawal.CauseOffline || len(e.Commands) != 2 || !strings.Contains(e.Why, c.wallet.Device) {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

func (w *world) ledgerID() string {
	w.Helper()
	id, err := w.db.Ledger(w.Context())
	w.must(err)
	return id
}

// forged is a file that the cold machine's identity key signs, whatever stands in it.
func (c *coldRoom) forged(o signing.OfflineRequests, was signing.OfflineAnswers, change func(signing.Batch, []signing.Answer) ([]signing.Request, []signing.Answer)) signing.OfflineAnswers {
	c.Helper()
	b, err := o.Batch()
	c.must(err)
	each, err := was.Each()
	c.must(err)
	answers := make([]signing.Answer, len(each))
	for n, x := range each {
		answers[n] = x.Answer
	}
	b.Requests, answers = change(b, answers)
	v, err := vault.Open(c.home, []byte("x"), vault.Options{})
	c.must(err)
	defer v.Close()
	for n := range answers {
		if answers[n].Receipt.Seq > 0 {
			answers[n].Receipt.Signature = ed25519.Sign(v.Identity(), signing.ReceiptStatement(v.Device(), b.Held.Ledger, answers[n].Receipt.Seq, answers[n]))
		}
	}
	return signing.OfflineAnswersTo(b, answers, v.Identity())
}

// signedBy is the answer of somebody who has the cold wallet's key, and keeps to no rules.
func (c *coldRoom) signedBy(i signing.Intent) []signing.Answer {
	c.Helper()
	v, err := vault.Open(c.home, []byte("x"), vault.Options{})
	c.must(err)
	defer v.Close()
	k := seed.New(v.Seed())
	defer k.Close()
	raw, hash, err := k.Sign(i, c.wallet.Path)
	c.must(err)
	return []signing.Answer{{Digest: i.Digest(), Raw: raw, Hash: hash, Receipt: signing.Receipt{Seq: 9}}}
}

// Fees that were too low are outbid by a second file; nothing is asked for twice, and one of the two is in a block.
func TestAnExportedPaymentIsBumpedByAFile(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		c := newColdRoom(w)
		cold := c.request("cold")
		first := c.exported(cold)
		if got, err := c.desk.Get(t.Context(), "cold"); err != nil || !strings.Contains(got.Reason, "waits for a signature offline") {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := c.engine.ExportBump(t.Context(), "cold", "slow"); fault.Code(err) != "not_answered" {
			t.Errorf("bumped before its answer: %v", err)
		}
		c.imported(c.sign(first))
		c.pass("send") // and no block comes
		if _, _, err := c.desk.Bump(t.Context(), "cold", "slow"); err != nil {
			t.Fatal(err)
		}
		c.pass()
		story, err := c.desk.Story(t.Context(), "cold")
		c.must(err)
		if n := len(story.Wishes); n != 1 || !strings.Contains(story.Wishes[0].Result, "coffer tx export --bump --request cold") {
			t.Errorf("the wish says %+v", story.Wishes)
		}
		bumped, err := c.engine.ExportBump(t.Context(), "cold", "slow")
		c.must(err)
		c.open() // a process that starts
		again, err := c.engine.ExportBump(t.Context(), "cold", "slow")
		c.must(err)
		if bumped.Already || !again.Already || !bytes.Equal(bumped.Requests.Encode(), again.Requests.Encode()) || len(bumped.Requests.Requests) != 1 {
			t.Fatalf("another file: %s, %s", bumped.Requests.Encode(), again.Requests.Encode())
		}
		before, err := signing.Parse(first.Requests[0].Intent)
		c.must(err)
		after, err := signing.Parse(bumped.Requests.Requests[0].Intent)
		c.must(err)
		if after.Nonce != before.Nonce || after.Payment != before.Payment || after.EVM.Amount != before.EVM.Amount || after.MostFee().Cmp(before.MostFee()) <= 0 {
			t.Errorf("%+v is no replacement of %+v", after.EVM, before.EVM)
		}
		for range 2 {
			c.imported(c.sign(bumped.Requests))
		}
		c.settle()
		c.wantPaidOnce(cold)
		c.wantSpent(c.wallet, 1)
		if _, err := c.engine.ExportBump(t.Context(), "cold", "slow"); fault.Code(err) != "already_ended" {
			t.Errorf("bumped after its end: %v", err)
		}
	})
}

// What was authorized bounds the second file as well: the machine would refuse it.
func TestABumpStaysWithinWhatWasAuthorized(t *testing.T) {
	onBoth(t, 1, func(w *world) {
		c := newColdRoom(w)
		free := c.exported(c.request("free"))
		i, err := signing.Parse(free.Requests[0].Intent)
		c.must(err)
		r := c.request("tight")
		a := c.authorization(r, time.Hour)
		a.MaxFee = new(big.Int).Div(new(big.Int).Mul(i.MostFee(), big.NewInt(105)), big.NewInt(100)).String() // a bump is a tenth at least
		r.Authorizations = []string{a.Token(keyOf(1))}
		c.imported(c.sign(free))
		c.imported(c.sign(c.exported(r)))
		c.pass("send")
		if x, err := c.engine.ExportBump(t.Context(), "tight", "slow"); fault.Code(err) != "fees_too_high" {
			t.Errorf("%+v, %v", x, err)
		}
	})
}
