package soltx

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"testing"

	bin "github.com/gagliardetto/binary"
	"github.com/gagliardetto/solana-go"
	associatedtokenaccount "github.com/gagliardetto/solana-go/programs/associated-token-account"
	computebudget "github.com/gagliardetto/solana-go/programs/compute-budget"
	"github.com/gagliardetto/solana-go/programs/system"
	"github.com/gagliardetto/solana-go/programs/token"
	"github.com/google/go-cmp/cmp"
	"github.com/mr-tron/base58"

	"coffer.internal/signing"
)

// instructionsOf are what solana-go makes of an intent, by its own builders. The signer does not link solana-go.
func instructionsOf(t *testing.T, i signing.Intent) (all []solana.Instruction) {
	t.Helper()
	s := i.Solana
	from, to := solana.MustPublicKeyFromBase58(i.From), solana.MustPublicKeyFromBase58(s.To)
	amount, err := strconv.ParseUint(s.Amount, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if s.ComputeUnitLimit > 0 {
		all = append(all, computebudget.NewSetComputeUnitLimitInstruction(s.ComputeUnitLimit).Build())
	}
	if price, _ := strconv.ParseUint(s.ComputeUnitPrice, 10, 64); price > 0 {
		all = append(all, computebudget.NewSetComputeUnitPriceInstruction(price).Build())
	}
	if s.Mint == "" {
		return append(all, system.NewTransferInstruction(amount, from, to).Build())
	}
	mint := solana.MustPublicKeyFromBase58(s.Mint)
	source, _, sourceErr := solana.FindAssociatedTokenAddress(from, mint)
	destination, _, destinationErr := solana.FindAssociatedTokenAddress(to, mint)
	if sourceErr != nil || destinationErr != nil {
		t.Fatal(sourceErr, destinationErr)
	}
	if s.CreateRecipientAccount {
		all = append(all, associatedtokenaccount.NewCreateIdempotentInstruction(from, to, mint).Build())
	}
	return append(all, token.NewTransferCheckedInstruction(amount, s.Decimals, source, mint, destination, from, nil).Build())
}

// call is an instruction as both sides tell it.
type call struct {
	Program  string
	Accounts []string
	Data     []byte
}

// told are the instructions of a message, and what it does to each account.
func told(t *testing.T, m *solana.Message) (calls []call, accounts map[string]string) {
	t.Helper()
	for _, in := range m.Instructions {
		program, err := m.Program(in.ProgramIDIndex)
		if err != nil {
			t.Fatal(err)
		}
		metas, err := in.ResolveInstructionAccounts(m)
		if err != nil {
			t.Fatal(err)
		}
		c := call{Program: program.String(), Data: in.Data}
		for _, a := range metas {
			c.Accounts = append(c.Accounts, a.PublicKey.String())
		}
		calls = append(calls, c)
	}
	metas, err := m.AccountMetaList()
	if err != nil {
		t.Fatal(err)
	}
	accounts = map[string]string{}
	for n, a := range metas {
		accounts[a.PublicKey.String()] = fmt.Sprintf("signs %v, written %v, payer %v", a.IsSigner, a.IsWritable, n == 0)
	}
	return calls, accounts
}

// readBySolanaGo holds a transaction against what solana-go makes of the same intent.
func readBySolanaGo(t *testing.T, i signing.Intent, raw []byte, hash string) {
	t.Helper()
	tx, err := solana.TransactionFromBytes(raw)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := tx.MarshalBinary(); err != nil || !bytes.Equal(again, raw) {
		t.Errorf("written again it is %x, %v\nand was            %x", again, err, raw)
	}
	if err := tx.VerifySignatures(); err != nil || len(tx.Signatures) != 1 || tx.Signatures[0].String() != hash {
		t.Errorf("signatures %v, hash %s: %v", tx.Signatures, hash, err)
	}
	if err := tx.Sanitize(); err != nil {
		t.Error(err)
	}
	theirs, err := solana.NewTransaction(instructionsOf(t, i), solana.MustHashFromBase58(i.Solana.RecentBlockhash),
		solana.TransactionPayer(solana.MustPublicKeyFromBase58(i.From)))
	if err != nil {
		t.Fatal(err)
	}
	calls, accounts := told(t, &tx.Message)
	wantCalls, wantAccounts := told(t, &theirs.Message)
	if diff := cmp.Diff(wantCalls, calls); diff != "" {
		t.Errorf("instructions (-solana-go +ours):\n%s", diff)
	}
	if diff := cmp.Diff(wantAccounts, accounts); diff != "" {
		t.Errorf("accounts (-solana-go +ours):\n%s", diff)
	}
	if tx.Message.RecentBlockhash != theirs.Message.RecentBlockhash || tx.Message.Header != theirs.Message.Header || tx.Message.IsVersioned() {
		t.Errorf("blockhash %s, header %+v, versioned %v", tx.Message.RecentBlockhash, tx.Message.Header, tx.Message.IsVersioned())
	}
}

func TestSolanaGoReadsOurTransactionsAsTheyWereMeant(t *testing.T) {
	n := 0
	for _, kind := range []func(*signing.Intent){func(*signing.Intent) {}, asToken, func(i *signing.Intent) { asToken(i); i.Solana.CreateRecipientAccount = true }} {
		for _, fee := range []func(*signing.Intent){func(*signing.Intent) {}, budget, func(i *signing.Intent) { i.Solana.ComputeUnitLimit = 200_000 }} {
			for k := byte(2); k < 40; k++ {
				i := payment(func(i *signing.Intent) { kind(i); fee(i); i.Solana.To = addressOf(testKey(k)) })
				raw, hash := sign(t, i, testKey(1))
				readBySolanaGo(t, i, raw, hash)
				n++
			}
		}
	}
	t.Logf("solana-go: %d transactions read and their signatures verified", n)
}

func TestTokenAccountsAreWhereSolanaGoFindsThem(t *testing.T) {
	const keys = 3000
	seed := sha256.Sum256([]byte("owners"))
	for n := range keys {
		seed = sha256.Sum256(seed[:])
		owner := address(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
		mint := address(sha256.Sum256(append(seed[:], "mint"...)))
		got, err := tokenAccount(owner, tokenProgram, mint)
		want, _, wantErr := solana.FindAssociatedTokenAddress(solana.PublicKey(owner), solana.PublicKey(mint))
		if err != nil || wantErr != nil || got != address(want) {
			t.Fatalf("key %d, %s of %s: %s, %v, want %s, %v", n, mint, owner, got, err, want, wantErr)
		}
		if !owner.onCurve() || got.onCurve() {
			t.Fatalf("key %d: the owner is on the curve: %v, the account: %v", n, owner.onCurve(), got.onCurve())
		}
		if anything := address(sha256.Sum256(mint[:])); anything.onCurve() != solana.IsOnCurve(anything[:]) {
			t.Fatalf("%s is on the curve for one of the two", anything)
		}
	}
}

func TestTheProgramsAreSolanas(t *testing.T) {
	for ours, theirs := range map[address]solana.PublicKey{
		systemProgram: solana.SystemProgramID, computeBudget: solana.ComputeBudget, tokenProgram: solana.TokenProgramID,
		accountProgram: solana.SPLAssociatedTokenAccountProgramID, token2022: solana.Token2022ProgramID,
	} {
		if ours != address(theirs) {
			t.Errorf("%s is %s", ours, theirs)
		}
	}
}

func TestLengthsAreCompact(t *testing.T) {
	for n := range 1 << 16 {
		var want []byte
		if err := bin.EncodeCompactU16Length(&want, n); err != nil {
			t.Fatal(err)
		}
		if got := compact(nil, n); !slices.Equal(got, want) {
			t.Fatalf("%d: %x, want %x", n, got, want)
		}
	}
}

// FuzzTransfers signs whatever is in order, and has solana-go read it.
func FuzzTransfers(f *testing.F) {
	f.Add([]byte("to"), []byte(""), uint64(1), uint8(0), uint32(0), uint64(0), false)
	f.Add([]byte("to"), []byte("mint"), uint64(1_000_000), uint8(6), uint32(60_000), uint64(25_000), true)
	f.Add([]byte("other"), []byte("mint"), uint64(1<<63), uint8(255), uint32(1_400_000), uint64(1), false)
	f.Add([]byte("other"), []byte(""), uint64(1<<64-1), uint8(0), uint32(7), uint64(0), false)
	f.Fuzz(func(t *testing.T, to, mint []byte, amount uint64, decimals uint8, units uint32, price uint64, create bool) {
		i := payment(func(i *signing.Intent) {
			seed := sha256.Sum256(to)
			s := i.Solana
			s.To, s.Amount = addressOf(ed25519.NewKeyFromSeed(seed[:])), strconv.FormatUint(amount, 10)
			s.RecentBlockhash = base58.Encode(binary.BigEndian.AppendUint64(seed[:24:24], price))
			if len(mint) > 0 {
				asToken(i)
				m := sha256.Sum256(mint)
				s.Mint, s.Decimals, s.CreateRecipientAccount = base58.Encode(m[:]), decimals, create
			}
			if s.ComputeUnitLimit = units; price > 0 {
				s.ComputeUnitPrice = strconv.FormatUint(price, 10)
			}
		})
		if Check(i) != nil {
			t.Skip()
		}
		raw, hash := sign(t, i, testKey(1))
		readBySolanaGo(t, i, raw, hash)
	})
}
