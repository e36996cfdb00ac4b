package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/keyfile"
	"coffer.internal/internal/rowfile"
	"coffer.internal/signing"
	"coffer.internal/withdrawal"
)

// authorizing is what the flags of authorize say.
type authorizing struct {
	request         withdrawal.Request
	key, file, show string
	maxFee          string
	last            time.Duration
	ledger          string // empty: the database says which
	showLedger      bool
}

// authorizer is what signs authorizations: the desk of a system, or an office without one.
type authorizer interface {
	Authorize(context.Context, withdrawal.Request, withdrawal.Terms) (string, error)
}

func (a *app) authorizeCommand() *cobra.Command {
	var f authorizing
	c := &cobra.Command{
		Use:   "authorize --key FILE --request ID --chain-id N --to ADDRESS --amount A | --key FILE --file FILE | --show TOKEN | --show-ledger",
		Short: "Authorize withdrawals with a key, for the signing machine",
		Long: `Signs with an Ed25519 key (PKCS#8 in PEM, as openssl genpkey -algorithm ed25519 makes it, yours alone) that a withdrawal may be
paid, and prints the token, which goes along with it: coffer withdraw --authorization, or authorizations in a file. Whose tokens a
payment needs, the signing machine's policy says. Nothing is submitted here, and the database is only read.

An officer's own machine has no database: there, --ledger names the ledger, whose id --show-ledger prints where the database is.
Nothing is opened then but the key and coffer.toml, if there is one, for tokens and for chains that are not built in; nodes are neither
needed nor asked.

--file adds a token to each line of a file of withdrawals, after those that it has, and prints NDJSON; a line that cannot be right ends
it. --show says what a token authorizes and whose it is, after its signature was verified.`,
		Example: `  coffer authorize --key officer.key --request w-4711 --chain-id 1 --to 0xCustomer… \
    --amount 1.25 --max-fee 0.01 --for 24h --ledger 5f0c…
  coffer authorize --key risk.key --file withdrawals.ndjson | coffer withdraw --file -
  coffer authorize --show coffer-authorization-1.…`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case f.show != "":
				return a.showAuthorization(f.show)
			case f.showLedger:
				return a.with(cmd.Context(), func(s *coffer.System) error { return a.showLedger(cmd, s) })
			case f.key == "":
				return fault.New(fault.Usage, "usage", "coffer authorize --help", "--key is missing")
			case f.file == "":
				if err := complete(cmd); err != nil {
					return err
				}
			}
			key, err := keyfile.Read(f.key)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("ledger") {
				office, err := a.office(f.ledger)
				if err != nil {
					return err
				}
				return a.authorize(cmd, office, f, key)
			}
			return a.with(cmd.Context(), func(s *coffer.System) error { return a.authorize(cmd, s.Withdrawals, f, key) })
		},
	}
	c.Flags().StringVar(&f.key, "key", "", "file of the key that signs")
	c.Flags().Int64Var(&f.request.ChainID, "chain-id", 0, "chain id, such as 1")
	c.Flags().StringVar(&f.request.To, "to", "", "the customer's address")
	c.Flags().StringVar(&f.request.Amount, "amount", "", "how much, decimal: 1.25")
	c.Flags().StringVar(&f.request.Asset, "asset", "", "token symbol in coffer.toml; left out: the chain's own coin")
	c.Flags().StringVar(&f.request.ID, "request", "", "request id of the withdrawal")
	c.Flags().BoolVar(&f.request.BaseUnits, "base-units", false, "amounts are whole base units: wei, or the token's smallest unit")
	c.Flags().StringVar(&f.maxFee, "max-fee", "", "the most that its transaction may cost, decimal, in the chain's own coin (default: max_fee of the chain)")
	c.Flags().DurationVar(&f.last, "for", withdrawal.DefaultAuthorizeFor, "how long it lasts")
	c.Flags().StringVar(&f.file, "file", "", "a file of withdrawals, CSV or NDJSON; - is standard input")
	c.Flags().StringVar(&f.show, "show", "", "say what a token authorizes")
	c.Flags().StringVar(&f.ledger, "ledger", "", "id of the ledger that pays, where its database is not at hand")
	c.Flags().BoolVar(&f.showLedger, "show-ledger", false, "print the id of the ledger")
	c.MarkFlagsMutuallyExclusive("file", "request", "show", "show-ledger")
	c.MarkFlagsMutuallyExclusive("ledger", "show", "show-ledger")
	return c
}

// office is what authorizes without a database.
func (a *app) office(ledger string) (*coffer.Office, error) {
	c, err := a.load()
	if err != nil {
		return nil, err
	}
	return coffer.OpenOffice(c, ledger)
}

func (a *app) authorize(cmd *cobra.Command, by authorizer, f authorizing, key ed25519.PrivateKey) error {
	if f.file != "" {
		return a.authorizeFile(cmd, by, f, key)
	}
	token, err := by.Authorize(cmd.Context(), f.request, f.terms(key))
	if err != nil {
		return err
	}
	if a.json {
		return a.document(map[string]string{"token": token})
	}
	a.say("%s", token)
	return nil
}

func (f authorizing) terms(key ed25519.PrivateKey) withdrawal.Terms {
	now := time.Now()
	return withdrawal.Terms{Key: key, MaxFee: f.maxFee, Issued: now, Expires: now.Add(f.last)}
}

// authorizedLine is a line of a file of withdrawals, with its authorizations.
type authorizedLine struct {
	Request        string   `json:"request"`
	ChainID        int64    `json:"chain_id"`
	To             string   `json:"to"`
	Amount         string   `json:"amount"`
	Asset          string   `json:"asset,omitempty"`
	Authorizations []string `json:"authorizations"`
}

func (a *app) authorizeFile(cmd *cobra.Command, by authorizer, f authorizing, key ed25519.PrivateKey) error {
	in, err := rowfile.Open(f.file, untilDone(cmd.Context(), a.stdin))
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	rows := rowfile.NewReader(in, withdrawalFormat)
	out := json.NewEncoder(a.stdout)
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err = errors.Join(err, row.Err); err != nil {
			return err
		}
		r := withdrawalOf(row, f.request.BaseUnits)
		token, err := by.Authorize(cmd.Context(), r, f.terms(key))
		if err != nil {
			return row.At("request", err)
		}
		if err := out.Encode(authorizedLine{r.ID, r.ChainID, r.To, r.Amount, r.Asset, append(r.Authorizations, token)}); err != nil {
			return err
		}
	}
}

func (a *app) showLedger(cmd *cobra.Command, s *coffer.System) error {
	id, err := s.Ledger(cmd.Context())
	if err != nil {
		return err
	}
	if a.json {
		return a.document(map[string]string{"ledger": id})
	}
	a.say("%s", id)
	return nil
}

func (a *app) showAuthorization(token string) error {
	t, err := signing.ParseAuthorization(token)
	if err != nil {
		return fault.Wrap(err, fault.Usage, "authorization_unreadable", "give the token whole, as coffer authorize printed it", "this is no authorization")
	}
	if a.json {
		return a.document(map[string]any{
			"ledger": t.Ledger, "payment": t.Payment, "chain_type": t.ChainType, "chain_id": t.ChainID, "to": t.To, "asset": t.Asset, "amount": t.Amount,
			"max_fee": t.MaxFee, "issued": stamp(t.Issued), "expires": stamp(t.Expires), "key": signing.Fingerprint(t.Key),
		})
	}
	asset := t.Asset
	if asset == "" {
		asset = "the chain's own coin"
	}
	fields(a.stdout, [][2]string{
		{"payment", t.Payment}, {"ledger", t.Ledger}, {"chain", t.ChainType + " " + number(t.ChainID)}, {"to", t.To}, {"asset", asset},
		{"amount", t.Amount + " base units"}, {"max_fee", t.MaxFee + " base units of the coin"}, {"issued", moment(t.Issued)},
		{"expires", moment(t.Expires)}, {"key", signing.Fingerprint(t.Key)},
	})
	return nil
}
