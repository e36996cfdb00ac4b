package attack

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"time"

	bin "github.com/gagliardetto/binary"
	"github.com/gagliardetto/solana-go"
	"github.com/gagliardetto/solana-go/programs/token"
	"github.com/mr-tron/base58"

	"coffer.internal/signing"
)

const (
	mainCluster  = 101
	localCluster = 104
	lamports     = 1_000_000 // what one payment pays
	incinerator  = "1nc1nerator11111111111111111111111111111111"
)

// robSolana: what the thief tries with transfers on Solana. Each payment is of 1,000,000 lamports, or of as much of a token.
var robSolana = []attempt{
	{"170-a-second-attempt-too-early", big.NewInt(lamports), func(th *thief) {
		c := th.cluster(mainCluster)
		r := c.authorized(c.pay("p"))
		th.signed(c.ask(r)...)
		r.Intent = c.next(r.Intent)
		th.refused(c.ask(r), "attempt_too_early")
	}},
	{"171-a-second-attempt-by-a-height-that-is-not-so", big.NewInt(lamports), func(th *thief) {
		c := th.cluster(mainCluster)
		first := c.pay("p")
		first.Solana.LastValidBlockHeight = 1 // as if it were dead already
		r := c.authorized(first)
		th.signed(c.ask(r)...)
		r.Intent = c.next(r.Intent)
		r.Intent.Solana.LastValidBlockHeight = 1 << 50
		th.refused(c.ask(r), "attempt_too_early")
	}},
	{"172-a-second-attempt-to-another-address", nil, func(th *thief) {
		c := th.cluster(mainCluster)
		r := c.authorized(c.payTo("p", c.customer))
		th.signed(c.ask(r)...)
		th.m.clock.pass(11 * time.Minute)
		r.Intent = c.next(r.Intent)
		r.Intent.Solana.To = c.mine.String()
		th.refused(c.ask(r), "second_attempt")
	}},
	{"173-a-first-attempt-once-more", big.NewInt(lamports), func(th *thief) {
		c := th.cluster(mainCluster)
		r := c.authorized(c.pay("p"))
		th.signed(c.ask(r)...)
		r.Intent = c.next(r.Intent)
		r.Intent.Solana.Attempt = 1
		th.refused(c.ask(r), "payment_bound")
	}},
	{"181-an-attempt-below-the-first", big.NewInt(lamports), func(th *thief) {
		c := th.cluster(mainCluster)
		r := c.authorized(c.pay("p"))
		th.signed(c.ask(r)...)
		r.Intent = c.next(r.Intent)
		r.Intent.Solana.Attempt = 0
		th.refused(c.ask(r), "malformed")
	}},
	{"174-a-first-attempt-at-another-number", big.NewInt(lamports), func(th *thief) {
		c := th.cluster(mainCluster)
		r := c.authorized(c.pay("p"))
		th.signed(c.ask(r)...)
		r.Intent = c.next(r.Intent)
		r.Intent.Nonce, r.Intent.Solana.Attempt = 1, 1
		th.refused(c.ask(r), "payment_bound")
	}},
	{"175-with-an-authorization-for-a-test-cluster", nil, func(th *thief) {
		c := th.cluster(mainCluster) // the wallet's key is one of the main cluster
		i := c.pay("p")
		i.ChainID = localCluster
		th.refused(c.ask(c.authorized(i)), "other_network")
	}},
	{"176-into-the-incinerator", nil, func(th *thief) {
		c := th.cluster(mainCluster)
		c.mine = solana.MustPublicKeyFromBase58(incinerator)
		th.refused(c.ask(c.authorized(c.pay("p"))), "malformed")
	}},
	{"177-into-the-tokens-own-mint", nil, func(th *thief) {
		c := th.cluster(mainCluster)
		c.mine = c.mint
		th.refused(c.ask(c.authorized(c.payToken("p"))), "malformed")
	}},
	{"178-to-a-token-account-as-if-it-were-a-wallet", nil, func(th *thief) {
		c := th.cluster(mainCluster)
		c.mine, _, _ = solana.FindAssociatedTokenAddress(c.customer, c.mint) // nobody has a key to what comes there
		th.refused(c.ask(c.authorized(c.payToken("p"))), "malformed")
	}},
	{"182-more-by-another-token-of-the-rule", nil, func(th *thief) {
		c := th.cluster(mainCluster)
		for n := range 3 {
			i := c.payToken(fmt.Sprint("p-", n))
			i.Nonce, i.Solana.RecentBlockhash = uint64(n), base58.Encode(bytes.Repeat([]byte{byte(n)}, 32))
			if n < 2 {
				i.Solana.Mint = otherMint
			}
			th.passesUpTo(2, n, c.ask(c.authorized(i)), "hour_count")
		}
	}},
	{"179-by-the-price-of-compute-units", nil, func(th *thief) {
		c := th.cluster(mainCluster)
		c.burns = true
		i := c.payTo("p", c.customer)
		i.Solana.Amount = "10000000000"                                               // 10 SOL
		i.Solana.ComputeUnitLimit, i.Solana.ComputeUnitPrice = 1_000_000, "100000000" // 0.1 SOL
		th.refused(c.ask(c.authorized(i)), "fee_above_cap")
	}},
	{"180-by-a-price-without-a-limit", nil, func(th *thief) {
		c := th.cluster(mainCluster)
		c.burns = true
		i := c.payTo("p", c.customer)
		i.Solana.ComputeUnitPrice = "1000000000000" // the cluster takes its own limit: 3 SOL
		th.refused(c.ask(c.authorized(i)), "malformed")
	}},
}

// cluster is Solana as far as a thief is concerned: who has what, and which transactions are taken. They are read by solana-go.
type cluster struct {
	*thief
	from, mine, customer, mint solana.PublicKey // mine: the thief's
	chainID                    int64
	has                        map[solana.PublicKey]uint64 // lamports, or units of the token
	taken                      map[string]bool             // signatures
	burns                      bool                        // fees are loot
	fees                       uint64
}

// cluster gives the thief a wallet, and judges him by what he has on the cluster.
func (th *thief) cluster(chainID int64) *cluster {
	th.Helper()
	k, err := th.m.client.NewKey(th.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "solana", ChainID: chainID, Ref: th.Name(), Account: "hot"})
	must(th.T, err)
	c := &cluster{
		thief: th, from: solana.MustPublicKeyFromBase58(k.Address), mine: clusterKey(1), customer: clusterKey(2),
		mint: solana.MustPublicKeyFromBase58(solanaMint), chainID: chainID, has: map[solana.PublicKey]uint64{}, taken: map[string]bool{},
	}
	tokens, _, err := solana.FindAssociatedTokenAddress(c.from, c.mint)
	must(th.T, err)
	c.has[c.from], c.has[tokens] = 100*solana.LAMPORTS_PER_SOL, 100*lamports
	th.purse = c.loot
	return c
}

// The tokens that the policy lists.
const (
	solanaMint = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
	otherMint  = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB" // a cluster has none of it
)

func clusterKey(n byte) solana.PublicKey {
	return solana.PublicKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize)).Public().(ed25519.PublicKey))
}

// pay is an intent that pays the thief.
func (c *cluster) pay(id string) signing.Intent { return c.payTo(id, c.mine) }

func (c *cluster) payTo(id string, to solana.PublicKey) signing.Intent {
	return signing.Intent{
		Version: signing.Version, Ledger: ledger, Payment: c.Name() + id, Purpose: signing.PurposePayment, ChainType: "solana", ChainID: c.chainID, From: c.from.String(),
		Solana: &signing.SolanaTransfer{
			To: to.String(), Amount: fmt.Sprint(lamports), RecentBlockhash: base58.Encode(make([]byte, 32)), LastValidBlockHeight: 300, Attempt: 1,
		},
	}
}

// payToken is an intent that pays him as much of the token.
func (c *cluster) payToken(id string) signing.Intent {
	i := c.pay(id)
	i.Solana.Mint, i.Solana.Decimals, i.Solana.TokenProgram, i.Solana.CreateRecipientAccount = c.mint.String(), 6, solana.TokenProgramID.String(), true
	return i
}

// next is the attempt after another, with the blockhash of the next block. The chain has both for a minute.
func (c *cluster) next(i signing.Intent) signing.Intent {
	s := *i.Solana
	s.Attempt++
	s.RecentBlockhash, s.LastValidBlockHeight = base58.Encode(bytes.Repeat([]byte{byte(s.Attempt)}, 32)), s.LastValidBlockHeight+1
	i.Solana = &s
	return i
}

// ask has the machine sign what it will, past all of coffer's code, and gives it to the cluster.
func (c *cluster) ask(requests ...signing.Request) []signing.Answer {
	c.Helper()
	answers, err := c.m.signer.Sign(c.Context(), signing.Batch{Requests: requests})
	must(c.T, err)
	for _, a := range answers {
		if a.Refusal != nil {
			continue
		}
		if err := c.take(a.Raw); err != nil {
			c.Logf("the cluster does not take %s: %v", a.Hash, err)
		}
	}
	return answers
}

// take executes a transaction, once.
func (c *cluster) take(raw []byte) error {
	tx, err := solana.TransactionFromDecoder(bin.NewBinDecoder(raw))
	if err != nil {
		return err
	}
	if err := tx.VerifySignatures(); err != nil {
		return err
	}
	if c.taken[tx.Signatures[0].String()] {
		return errors.New("it was taken already")
	}
	c.taken[tx.Signatures[0].String()] = true
	var limit, price uint64 = 3_000, 0 // a cluster's own limit for an instruction of a builtin program
	for _, in := range tx.Message.Instructions {
		program, err := tx.Message.Program(in.ProgramIDIndex)
		if err != nil {
			return err
		}
		accounts, err := in.ResolveInstructionAccounts(&tx.Message)
		if err != nil {
			return err
		}
		switch {
		case program == solana.ComputeBudget && in.Data[0] == 2:
			limit = uint64(binary.LittleEndian.Uint32(in.Data[1:]))
		case program == solana.ComputeBudget && in.Data[0] == 3:
			price = binary.LittleEndian.Uint64(in.Data[1:])
		case program == solana.SystemProgramID && in.Data[0] == 2: // Transfer
			err = c.move(accounts[0].PublicKey, accounts[1].PublicKey, binary.LittleEndian.Uint64(in.Data[4:]))
		case program == solana.TokenProgramID && in.Data[0] == token.Instruction_TransferChecked:
			err = c.move(accounts[0].PublicKey, accounts[2].PublicKey, binary.LittleEndian.Uint64(in.Data[1:]))
		case program == solana.SPLAssociatedTokenAccountProgramID:
		default:
			err = fmt.Errorf("it calls %s", program)
		}
		if err != nil {
			return err
		}
	}
	c.fees += 5_000 + price*limit/1_000_000
	return nil
}

func (c *cluster) move(from, to solana.PublicKey, amount uint64) error {
	if c.has[from] < amount {
		return fmt.Errorf("%s has no %d", from, amount)
	}
	c.has[from] -= amount
	c.has[to] += amount
	return nil
}

// loot is what the thief has, or what was burnt beyond a usual fee.
func (c *cluster) loot() *big.Int {
	if c.burns {
		return new(big.Int).SetUint64(c.fees - c.fees%100_000)
	}
	tokens, _, _ := solana.FindAssociatedTokenAddress(c.mine, c.mint)
	return new(big.Int).SetUint64(c.has[c.mine] + c.has[tokens])
}
