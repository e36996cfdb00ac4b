package withdrawal

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
	"coffer.internal/signing"
)

// maxAuthorizations is how many authorizations may come with a payment.
const maxAuthorizations = 8

// DefaultAuthorizeFor is how long an authorization lasts that is signed here.
const DefaultAuthorizeFor = 24 * time.Hour

// Service signs authorizations in the name of the program that takes withdrawals in, for callers who bring none. The daemon has no use
// for one: it only carries what came with a payment.
type Service struct {
	// Key is asked when the first is to be signed. A nil key without an error: there is none, and payments are accepted as they come.
	Key func() (ed25519.PrivateKey, error)
	For time.Duration    // how long an authorization lasts; 0: DefaultAuthorizeFor
	Now func() time.Time // default: time.Now
}

// authorizer checks the authorizations that come with orders, and signs one where none come.
type authorizer struct {
	db      store.DB
	service Service
}

func newAuthorizer(db store.DB, s Service) *authorizer {
	if s.Key == nil {
		s.Key = func() (ed25519.PrivateKey, error) { return nil, nil }
	}
	if s.For == 0 {
		s.For = DefaultAuthorizeFor
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	return &authorizer{db: db, service: s}
}

// take checks the form of what came with an order and puts it there: each is a token whose signature is that of its key, for exactly
// this payment of this ledger. Whose key that is, only the signing machine judges.
func (a *authorizer) take(ctx context.Context, o *order, tokens []string) error {
	if len(tokens) > maxAuthorizations {
		return fault.New(fault.Usage, "too_many_authorizations", fmt.Sprintf("at most %d", maxAuthorizations), "request %s comes with %d authorizations", o.payment, len(tokens))
	}
	if len(tokens) == 0 {
		return nil
	}
	ledger, err := ledgerID(ctx, a.db)
	if err != nil {
		return err
	}
	for i, token := range tokens {
		signed, err := signing.ParseAuthorization(token)
		if err == nil {
			err = checkCap(signed.Authorization)
		}
		if err != nil {
			return fault.Wrap(err, fault.Usage, "authorization_unreadable", "coffer authorize --show TOKEN reads one", "authorization %d of request %s", i+1, o.payment)
		}
		if why := signed.Differs(o.intent(ledger)); why != "" {
			return fault.New(fault.Usage, "authorization_differs", "authorize exactly what is submitted: coffer authorize --show TOKEN says what it is for",
				"authorization %d of request %s is for something else: %s", i+1, o.payment, why)
		}
		o.add(token, signed)
	}
	return nil
}

// sign signs an authorization for an order that comes with none, if there is a service key.
func (a *authorizer) sign(ctx context.Context, o *order) error {
	if len(o.with.Tokens) > 0 {
		return nil
	}
	key, err := a.service.Key()
	if err != nil || key == nil {
		return err
	}
	ledger, err := ledgerID(ctx, a.db)
	if err != nil {
		return err
	}
	issued := a.service.Now().Truncate(time.Second)
	auth := o.authorization(ledger)
	auth.MaxFee, auth.Issued, auth.Expires = o.chain.authorizedFee().String(), issued, issued.Add(a.service.For)
	o.own = true
	o.add(auth.Token(key), signing.SignedAuthorization{Authorization: auth, Key: key.Public().(ed25519.PublicKey)})
	return nil
}

// checkCap checks what nobody else looks at before the signing machine: a cap that is a number, and a time to be used in.
func checkCap(a signing.Authorization) error {
	n, ok := new(big.Int).SetString(a.MaxFee, 10)
	switch {
	case !ok || n.String() != a.MaxFee || n.Sign() < 0 || n.BitLen() > maxBits:
		return fmt.Errorf("its max_fee %q is not a number of base units", clip(a.MaxFee))
	case !a.Expires.After(a.Issued):
		return fmt.Errorf("it expires at %s, and was issued at %s", stamp(a.Expires), stamp(a.Issued))
	}
	return nil
}

// authorization is what an order asks to be authorized, but for cap and times.
func (o order) authorization(ledger string) signing.Authorization {
	return signing.Authorization{
		Ledger: ledger, Payment: o.payment, ChainType: o.chain.Type, ChainID: o.chain.ID, To: o.to, Asset: o.asset.Contract, Amount: o.amount.String(),
	}
}

// intent is the order as far as an authorization is held against it.
func (o order) intent(ledger string) signing.Intent {
	return signing.Intent{
		Ledger: ledger, Payment: o.payment, ChainType: o.chain.Type, ChainID: o.chain.ID,
		EVM: &signing.EVMTransfer{To: o.to, Contract: o.asset.Contract, Amount: o.amount.String()},
	}
}

// add puts one authorization to an order.
func (o *order) add(token string, a signing.SignedAuthorization) {
	o.with.Tokens = append(o.with.Tokens, token)
	o.keys = append(o.keys, signing.Fingerprint(a.Key))
	if o.with.Until.IsZero() || a.Expires.Before(o.with.Until) {
		o.with.Until = a.Expires
	}
	if o.with.MaxFee == "" || integer(a.MaxFee).Cmp(integer(o.with.MaxFee)) < 0 {
		o.with.MaxFee = a.MaxFee
	}
}

// authorizedFee is the cap on the fee that an authorization names which is signed here: the chain's own, else a tenth of a coin.
func (s ChainSetup) authorizedFee() *big.Int {
	if s.MaxFee != nil {
		return s.MaxFee
	}
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(0, s.Native.Decimals-1))), nil)
}

// soon is how near its end an authorization is one about to expire.
const soon = time.Minute

// renews says whether what came with an order is to stand in the place of what its payment has. Signed here, it takes nobody else's
// place as long as that may do: officers' authorizations would be lost by it.
func (o order) renews(row store.Withdrawal, has []string, now time.Time) bool {
	lapsed := !row.AuthorizedUntil.IsZero() && !row.AuthorizedUntil.After(now)
	switch {
	case len(o.with.Tokens) == 0 || slices.Equal(o.with.Tokens, has):
		return false
	case len(has) == 0 || lapsed:
		return true
	case o.own:
		return row.Unauthorized != "" && !slices.ContainsFunc(has, o.sameKey)
	default:
		return row.Unauthorized != "" || !row.AuthorizedUntil.After(now.Add(soon)) || o.with.Until.After(row.AuthorizedUntil)
	}
}

// sameKey says whether a token is signed with the key of the order's first.
func (o order) sameKey(token string) bool {
	a, err := signing.ParseAuthorization(token)
	return err == nil && signing.Fingerprint(a.Key) == o.keys[0]
}

// renew puts what came with orders that were accepted before in the place of what their payments have, where that says more and nothing
// is asked for yet.
func renew(ctx context.Context, tx store.Tx, orders []order, now time.Time) ([]store.AuditRow, error) {
	orders = slices.DeleteFunc(slices.Clone(orders), func(o order) bool { return len(o.with.Tokens) == 0 })
	if len(orders) == 0 {
		return nil, nil
	}
	ids := make([]string, len(orders))
	for i, o := range orders {
		ids[i] = o.payment
	}
	rows, err := tx.Withdrawals(ctx, store.WithdrawalFilter{Payments: ids, Unasked: true})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	tokens, err := tx.Authorizations(ctx, ids)
	if err != nil {
		return nil, err
	}
	byID := map[string]store.Withdrawal{}
	for _, row := range rows {
		byID[row.Payment] = row
	}
	var fresh []store.Authorization
	var audit []store.AuditRow
	var moves []store.WithdrawalMove
	for _, o := range orders {
		row, there := byID[o.payment]
		if !there || !o.renews(row, tokens[o.payment], now) {
			continue
		}
		delete(byID, o.payment) // the first of two callers; the other one's stand behind it, to be brought again
		fresh = append(fresh, store.Authorization{Payment: o.payment, Authorized: o.with})
		audit = append(audit, store.AuditRow{
			Action: actionAuthorize, Subject: o.payment, Before: authorizedUntil(len(tokens[o.payment]), row.AuthorizedUntil), After: o.authorizedBy(), Result: store.ResultDone,
			Reason: row.Unauthorized,
		})
		if row.Unauthorized != "" && row.State == store.WithdrawalQueued {
			moves = append(moves, moveWithdrawal(row.Payment, row.State, store.WithdrawalQueued, "", ""))
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	if err := tx.Authorize(ctx, fresh); err != nil {
		return nil, err
	}
	return audit, tx.MoveWithdrawals(ctx, moves)
}

// authorizedBy says in an audit row what came with an order.
func (o order) authorizedBy() string {
	if len(o.with.Tokens) == 0 {
		return ""
	}
	return authorizedUntil(len(o.with.Tokens), o.with.Until) + ", by " + strings.Join(o.keys, ", ")
}

func authorizedUntil(n int, until time.Time) string {
	switch n {
	case 0:
		return "no authorization"
	case 1:
		return "1 authorization, until " + stamp(until)
	}
	return fmt.Sprintf("%d authorizations, until %s", n, stamp(until))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// lapsedAuthorization refuses what came too late, if it did.
func (o order) lapsedAuthorization(now time.Time) error {
	if o.with.Until.IsZero() || o.with.Until.After(now) {
		return nil
	}
	return fault.New(fault.Refused, "authorization_expired", "submit it with a new one: coffer authorize", "an authorization of request %s expired at %s", o.payment, stamp(o.with.Until))
}

// wantsAuthorization says whether a refusal is about the authorizations: then the payment waits for other ones, and is not asked again
// before it has them.
func wantsAuthorization(r signing.Refusal) bool {
	return strings.HasPrefix(r.Code, "authorization_") || r.Code == "officer_twice" || r.Code == "fee_above_authorization"
}

// feeCap is the most that a payment's transaction may cost in fees by its authorizations; nil: it has none.
func feeCap(w store.Withdrawal) *big.Int {
	if w.AuthorizedFee == "" {
		return nil
	}
	return integer(w.AuthorizedFee)
}

// Terms are under what an authorization is given.
type Terms struct {
	Key     ed25519.PrivateKey
	MaxFee  string // the most that the transaction may cost, decimal, in the chain's own coin; empty: what the service key would name
	Issued  time.Time
	Expires time.Time
}

// Authorize signs an authorization of a withdrawal, which need not be submitted yet. It writes nothing.
func (d *Desk) Authorize(ctx context.Context, r Request, t Terms) (token string, err error) {
	ledger, err := ledgerID(ctx, d.db)
	if err != nil {
		return "", err
	}
	return Authorize(ledger, d.book, r, t)
}

// Authorize signs an authorization of a withdrawal of a ledger, which only has to be named: whoever authorizes need not reach its database.
// Of the chains, assets and MaxFee are read, and Chain says what cannot be paid; no node is asked.
func Authorize(ledger string, chains []ChainSetup, r Request, t Terms) (token string, err error) {
	o, err := book(chains).check(r)
	if err != nil {
		return "", err
	}
	most := o.chain.authorizedFee()
	if t.MaxFee != "" {
		if most, err = parseAmount(t.MaxFee, o.chain.Native, false); err != nil {
			return "", fmt.Errorf("max_fee: %w", err)
		}
	}
	a := o.authorization(ledger)
	a.MaxFee, a.Issued, a.Expires = most.String(), t.Issued.Truncate(time.Second), t.Expires.Truncate(time.Second)
	if !a.Expires.After(a.Issued) {
		return "", fault.New(fault.Usage, "bad_time", "one second at least", "an authorization cannot expire at %s when it is issued at %s", stamp(a.Expires), stamp(a.Issued))
	}
	return a.Token(t.Key), nil
}
