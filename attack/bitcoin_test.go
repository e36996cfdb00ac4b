package attack

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/big"

	"github.com/btcsuite/btcd/btcutil/psbt"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"coffer.internal/internal/signer/btctx/btctest"
	"coffer.internal/signing"
)

const (
	btcCustomer = "bcrt1qlk935ze2fsu86zjp395uvtegztrkaezawxx0wf"
	btcThief    = "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk"
)

// robBitcoin: what the thief tries with payments of bitcoin. Each coin of the wallet has 100,000 sat; a payment is of 50,000.
var robBitcoin = []attempt{
	{"160-with-one-output-more", nil, func(th *thief) {
		c := th.coins("a")
		i := c.pay("p", 0, btcCustomer, "a")
		c.change(&i, func(p *psbt.Packet) {
			p.UnsignedTx.TxOut[1].PkScript = btctest.Script(c.network, btcThief)
		})
		th.refused(c.ask(c.authorized(i)), "malformed")
	}},
	{"161-more-than-its-intent-says", nil, func(th *thief) {
		c := th.coins("a")
		i := c.pay("p", 0, btcThief, "a")
		c.change(&i, func(p *psbt.Packet) { p.UnsignedTx.TxOut[0].Value, p.UnsignedTx.TxOut[1].Value = 98_000, 1_500 })
		th.refused(c.ask(c.authorized(i)), "malformed")
	}},
	{"162-twice-in-one-transaction", nil, func(th *thief) {
		c := th.coins("a", "b")
		i := c.pay("p", 0, btcThief, "a", "b")
		c.change(&i, func(p *psbt.Packet) {
			p.UnsignedTx.TxOut[1].Value -= 50_000
			p.UnsignedTx.AddTxOut(wire.NewTxOut(50_000, btctest.Script(c.network, btcThief)))
			p.Outputs = append(p.Outputs, psbt.POutput{})
		})
		th.refused(c.ask(c.authorized(i)), "malformed")
	}},
	{"163-by-the-fee", nil, func(th *thief) {
		c := th.coins("a")
		c.burns = true
		i := c.pay("p", 0, btcCustomer, "a")
		c.change(&i, func(p *psbt.Packet) { p.UnsignedTx.TxOut[1].Value = 40_000 })
		th.refused(c.ask(c.authorized(i)), "malformed")
	}},
	{"164-by-the-fee-of-each-byte", nil, func(th *thief) {
		c := th.coins("a")
		c.burns = true
		i := c.pay("p", 0, btcCustomer, "a")
		i.BTC.MaxFee = "20000"
		c.change(&i, func(p *psbt.Packet) { p.UnsignedTx.TxOut[1].Value = 30_000 })
		th.refused(c.ask(c.authorized(i)), "fee_above_cap")
	}},
	{"165-with-other-coins", big.NewInt(50_000), func(th *thief) {
		c := th.coins("a", "b")
		r := c.authorized(c.pay("p", 0, btcThief, "a"))
		th.signed(c.ask(r)...)
		r.Intent = c.pay("p", 0, btcThief, "b")
		th.refused(c.ask(r), "payment_bound")
	}},
	{"166-with-other-coins-at-another-number", big.NewInt(50_000), func(th *thief) {
		c := th.coins("a", "b")
		r := c.authorized(c.pay("p", 0, btcThief, "a"))
		th.signed(c.ask(r)...)
		r.Intent = c.pay("p", 1, btcThief, "b")
		th.refused(c.ask(r), "payment_bound")
	}},
	{"167-by-rewriting-what-is-signed", nil, func(th *thief) {
		c := th.coins("a")
		answers, err := th.m.signer.Sign(th.Context(), signing.Batch{Requests: []signing.Request{c.authorized(c.pay("p", 0, btcCustomer, "a"))}})
		must(th.T, err)
		th.signed(answers...)
		var tx wire.MsgTx
		must(th.T, tx.Deserialize(bytes.NewReader(answers[0].Raw)))
		tx.TxOut[1].PkScript = btctest.Script(c.network, btcThief)
		if err := c.take(&tx); err == nil {
			th.Error("the chain takes what the machine has not signed")
		}
	}},
	{"168-without-a-payment-id", nil, func(th *thief) {
		c := th.coins("a", "b")
		first, second := c.pay("", 0, btcThief, "a"), c.pay("", 1, btcThief, "b")
		first.Payment, second.Payment = "", "" // nothing would keep it from being signed again and again
		th.refused(c.ask(c.authorized(first)), "malformed")
		th.refused(c.ask(c.authorized(second)), "malformed")
	}},
}

// coins is a chain of Bitcoin as far as a thief is concerned: outputs, and who may spend them. Whether they are spent as they may be is said by
// btcd's script engine.
type coins struct {
	*thief
	network int64
	from    string
	unspent map[wire.OutPoint]*wire.TxOut
	burns   bool // the fees of what is taken are loot
	fees    int64
}

// coins gives the thief a wallet with some coins, and judges him by what he has of them.
func (th *thief) coins(names ...string) *coins {
	th.Helper()
	c := &coins{thief: th, network: 3, unspent: map[wire.OutPoint]*wire.TxOut{}}
	k, err := th.m.client.NewKey(th.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "btc", ChainID: c.network, Ref: th.Name(), Account: "hot"})
	must(th.T, err)
	c.from = k.Address
	for _, name := range names {
		c.unspent[btctest.Outpoint(th.Name()+name)] = wire.NewTxOut(100_000, btctest.Script(c.network, c.from))
	}
	th.purse = c.loot
	return c
}

// pay is an intent that pays 50,000 sat out of some coins.
func (c *coins) pay(id string, nonce uint64, to string, names ...string) signing.Intent {
	p := btctest.Payment{ChainID: c.network, From: c.from, To: to, Amount: 50_000, Fee: 500, Each: 100_000, Ledger: ledger, ID: c.Name() + id, Nonce: nonce}
	for _, name := range names {
		p.Outputs = append(p.Outputs, c.Name()+name)
	}
	return p.Intent()
}

// change changes an intent's PSBT.
func (c *coins) change(i *signing.Intent, change func(*psbt.Packet)) {
	c.Helper()
	p, err := psbt.NewFromRawBytes(bytes.NewReader(i.BTC.PSBT), false)
	must(c.T, err)
	change(p)
	b := *i.BTC
	b.PSBT = btctest.Encode(p)
	i.BTC = &b
}

// ask has the machine sign what it will, past all of coffer's code, and gives it to the chain.
func (c *coins) ask(requests ...signing.Request) []signing.Answer {
	c.Helper()
	answers, err := c.m.signer.Sign(c.Context(), signing.Batch{Requests: requests})
	must(c.T, err)
	for _, a := range answers {
		if a.Refusal != nil {
			continue
		}
		var tx wire.MsgTx
		must(c.T, tx.Deserialize(bytes.NewReader(a.Raw)))
		if err := c.take(&tx); err != nil {
			c.Logf("the chain does not take %s: %v", a.Hash, err)
		}
	}
	return answers
}

// take has a transaction mined, if it spends what is there as it may be spent.
func (c *coins) take(tx *wire.MsgTx) error {
	spent := map[wire.OutPoint]*wire.TxOut{}
	left := maps.Clone(c.unspent)
	sum := int64(0)
	for _, in := range tx.TxIn {
		out := left[in.PreviousOutPoint]
		if out == nil {
			return fmt.Errorf("%s is spent, or was never there", in.PreviousOutPoint)
		}
		delete(left, in.PreviousOutPoint)
		spent[in.PreviousOutPoint] = out
		sum += out.Value
	}
	for _, out := range tx.TxOut {
		sum -= out.Value
	}
	if sum < 0 {
		return errors.New("it makes coins")
	}
	all := txscript.NewMultiPrevOutFetcher(spent)
	hashes := txscript.NewTxSigHashes(tx, all)
	for n, in := range tx.TxIn {
		out := spent[in.PreviousOutPoint]
		engine, err := txscript.NewEngine(out.PkScript, tx, n, txscript.StandardVerifyFlags, nil, hashes, out.Value, all)
		if err == nil {
			err = engine.Execute()
		}
		if err != nil {
			return err
		}
	}
	for n, out := range tx.TxOut {
		left[wire.OutPoint{Hash: tx.TxHash(), Index: uint32(n)}] = out
	}
	c.unspent, c.fees = left, c.fees+sum
	return nil
}

// loot is what the thief has, or what was burnt beyond a usual fee.
func (c *coins) loot() *big.Int {
	has := int64(0)
	if c.burns && c.fees > 500 {
		has = c.fees
	}
	for _, out := range c.unspent {
		if !c.burns && bytes.Equal(out.PkScript, btctest.Script(c.network, btcThief)) {
			has += out.Value
		}
	}
	return big.NewInt(has)
}
