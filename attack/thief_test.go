package attack

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/client"
	"coffer.internal/signing"
)

// attempt is one thing that a thief tries.
type attempt struct {
	name string
	loot *big.Int // what he may have in the end, because somebody authorized it; nil: nothing
	try  func(*thief)
}

// thief makes one attempt, on a wallet of its own.
type thief struct {
	*testing.T
	*world
	m     *machine
	from  string          // the wallet that he robs, whose nonce is 0
	to    common.Address  // where he wants it
	also  common.Address  // another place where it would be as bad
	had   *big.Int        // what was there before; nil: there is no other place
	burns bool            // it is about fees: what the wallet loses is what he has
	purse func() *big.Int // what he has on another chain than EVM; nil: the attempt is about EVM
}

// judge holds what the thief has in the end against what was authorized.
func (th *thief) judge(loot *big.Int) {
	th.Helper()
	for range 2 {
		th.node.Commit()
	}
	if loot == nil {
		loot = new(big.Int)
	}
	has := th.balance(th.T, th.to)
	if th.had != nil {
		has.Add(has, th.balance(th.T, th.also)).Sub(has, th.had)
	}
	if th.burns {
		left, err := th.world.client.BalanceAt(th.Context(), common.HexToAddress(th.from), nil)
		must(th.T, err)
		has = new(big.Int).Sub(ether(100), left)
	}
	if th.purse != nil {
		has = th.purse()
	}
	if has.Cmp(loot) > 0 {
		th.Errorf("the attacker has %s, and %s was authorized", has, loot)
	}
	if has.Cmp(loot) < 0 && !th.burns {
		th.Errorf("only %s of what was authorized, %s, was paid: the attempt says nothing", has, loot)
	}
}

// watch makes what comes to another place loot.
func (th *thief) watch(place common.Address) { th.also, th.had = place, th.balance(th.T, place) }

// fill fills nonces of the thief's wallet that nothing is signed for, as the daemon would, so that those above can be mined.
func (th *thief) fill(nonces ...uint64) {
	th.Helper()
	var fills []signing.Request
	for _, n := range nonces {
		fills = append(fills, bare(at(th.self(signing.PurposeGapFill, ""), n)))
	}
	th.ask(fills...)
}

// pay is an intent that pays the thief 1 ether, at nonce 0 of his wallet.
func (th *thief) pay(id string) signing.Intent {
	return signing.Intent{
		Version: signing.Version, Ledger: ledger, Payment: th.Name() + id, Purpose: signing.PurposePayment, ChainType: "evm", ChainID: chainID, From: th.from,
		EVM: &signing.EVMTransfer{To: th.to.Hex(), Amount: ether(1).String(), GasLimit: 21000, MaxFeePerGas: gwei(20), MaxPriorityFeePerGas: gwei(1)},
	}
}

// payToken is an intent that pays him so much of a token.
func (th *thief) payToken(id string, token common.Address, amount int64) signing.Intent {
	return changed(th.pay(id), func(i *signing.Intent) {
		i.EVM.Contract, i.EVM.Amount, i.EVM.GasLimit = token.Hex(), fmt.Sprint(amount), 100_000
	})
}

// self is an intent of nothing to the wallet itself.
func (th *thief) self(purpose signing.Purpose, payment string) signing.Intent {
	return changed(th.pay(payment), func(i *signing.Intent) {
		i.Purpose, i.EVM.To, i.EVM.Amount = purpose, th.from, "0"
		if purpose == signing.PurposeGapFill {
			i.Payment = ""
		}
	})
}

// changed is a copy of an intent with something else in it.
func changed(i signing.Intent, change func(*signing.Intent)) signing.Intent {
	e := *i.EVM
	i.EVM = &e
	change(&i)
	return i
}

// at is an intent at another nonce.
func at(i signing.Intent, nonce uint64) signing.Intent {
	return changed(i, func(i *signing.Intent) { i.Nonce = nonce })
}

// with is an intent with other fees per gas.
func with(i signing.Intent, perGas int64) signing.Intent {
	return changed(i, func(i *signing.Intent) { i.EVM.MaxFeePerGas, i.EVM.MaxPriorityFeePerGas = gwei(perGas), gwei(perGas) })
}

func gwei(n int64) string { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.GWei)).String() }

// authorization is what allows an intent, with a cap of 0.1 ether on its fee.
func (th *thief) authorization(i signing.Intent) signing.Authorization {
	to, asset, amount := i.Pays()
	now := th.m.clock.now().UTC().Truncate(time.Second)
	return signing.Authorization{
		Ledger: i.Ledger, Payment: i.Payment, ChainType: i.ChainType, ChainID: i.ChainID, To: to, Asset: asset, Amount: amount,
		MaxFee: new(big.Int).Div(ether(1), big.NewInt(10)).String(), Issued: now, Expires: now.Add(time.Hour),
	}
}

// authorized is an intent as the exchange itself wants it paid: with the authorizations of service and risk control.
func (th *thief) authorized(i signing.Intent) signing.Request {
	return signing.Request{Intent: i, Authorizations: tokens(th.authorization(i), th.keys.service, th.keys.risk)}
}

// tokens are an authorization signed by keys.
func tokens(a signing.Authorization, keys ...ed25519.PrivateKey) []string {
	var all []string
	for _, k := range keys {
		all = append(all, a.Token(k))
	}
	return all
}

// bare is an intent without any authorization.
func bare(i signing.Intent) signing.Request { return signing.Request{Intent: i} }

// ask has the machine sign what it will, and gives all that comes back to the node.
func (th *thief) ask(requests ...signing.Request) []signing.Answer {
	th.Helper()
	answers, err := th.askAnyway(requests...)
	must(th.T, err)
	return answers
}

// askAnyway is ask where there may be no answer.
func (th *thief) askAnyway(requests ...signing.Request) ([]signing.Answer, error) {
	return th.askOf(th.m.client, signing.Batch{Requests: requests})
}

// askPast asks the machine itself, past what coffer's client looks at.
func (th *thief) askPast(requests ...signing.Request) []signing.Answer {
	th.Helper()
	answers, err := th.m.signer.Sign(th.Context(), signing.Batch{Requests: requests})
	must(th.T, err)
	for _, a := range answers {
		th.send(a)
	}
	return answers
}

func (th *thief) askOf(c *client.Client, b signing.Batch) ([]signing.Answer, error) {
	th.Helper()
	answers, err := c.Sign(th.Context(), b)
	for _, a := range answers {
		th.send(a)
	}
	return answers, err
}

// send gives what was signed to the node. What the node does not take (a copy that is not dear enough, say) is no loot.
func (th *thief) send(a signing.Answer) {
	th.Helper()
	if a.Refusal != nil {
		return
	}
	var hash common.Hash
	if err := th.world.client.Client().CallContext(th.Context(), &hash, "eth_sendRawTransaction", hexutil.Encode(a.Raw)); err != nil {
		th.Logf("the node does not take %s: %v", a.Hash, err)
	}
}

// mine has what was sent mined.
func (th *thief) mine() { th.node.Commit() }

// signed wants an answer to be a signature: the attempt needs it.
func (th *thief) signed(answers ...signing.Answer) {
	th.Helper()
	for _, a := range answers {
		if a.Refusal != nil {
			th.Fatalf("what the exchange itself wants is refused: %s: %s", a.Refusal.Code, a.Refusal.Reason)
		}
	}
}

// refused wants each answer to be a refusal with one of the codes.
func (th *thief) refused(answers []signing.Answer, code string) {
	th.Helper()
	for _, a := range answers {
		switch {
		case a.Refusal == nil:
			th.Errorf("%s is signed", a.Digest)
		case a.Refusal.Code != code:
			th.Errorf("refused with %s (%s), not with %s", a.Refusal.Code, a.Refusal.Reason, code)
		}
	}
}

// unanswered wants no answer, with a code.
func (th *thief) unanswered(err error, code string) {
	th.Helper()
	if fault.Code(err) != code || !errors.Is(err, signing.ErrNoAnswer) {
		th.Errorf("there is an answer, or another reason for none than %s: %v", code, err)
	}
}

// endow gives a wallet 100 ether, as those that the world begins with have.
func (th *thief) endow(address string) {
	th.Helper()
	th.sendRich(th.T, common.HexToAddress(address), ether(100), nil)
}

// fresh is an address that nobody has used.
func fresh(name string) common.Address {
	return common.BytesToAddress(crypto.Keccak256([]byte("attack: " + name))[12:])
}

func callOf(to common.Address, data []byte) ethereum.CallMsg {
	return ethereum.CallMsg{To: &to, Data: data}
}
