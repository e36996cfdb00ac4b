package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/newfile"
	"coffer.internal/signing"
	"coffer.internal/withdrawal"
)

// exporting is what the flags of tx export say.
type exporting struct {
	coffer.ExportRequest
	out, maxFee, reason string
	cancel, bump        bool
}

func (a *app) txExportCommand() *cobra.Command {
	var x exporting
	c := &cobra.Command{
		Use:   "export --from ADDRESS --chain-id N --to A --amount X --request ID --out FILE | export [--cancel --reason TEXT | --bump] --request ID --out FILE",
		Short: "Pay from a cold or vault wallet: write the file that its machine is asked with",
		Long: `Accepts a payment out of a cold or vault wallet whose signing machine is not reachable from here, takes the wallet's next
nonce for it, writes it down as asked, and writes FILE. Carry FILE to the machine, sign it there (coffer-signer sign), carry the
answers back and import them (coffer tx import): the daemon then sends and tracks it like any other payment. It is paid at most
once, whatever is carried twice, lost or interrupted.

Said again with the same content it writes the same file. With --request and --out alone it writes the file of a payment that was
exported before. What the machine refused is over: pay it with a new request id.

Fees are drafted with four times the usual room, within the chain's caps; what a block does not take is not spent. If that was too little,
--bump asks for the same payment with higher fees, in a file of its own, once the answer to the first is imported. --sweep moves an asset to a place that the machine's policy lists, such as another wallet of yours.

--cancel asks for a transfer of nothing at the same nonce, with higher fees, in a file of its own. Sign and import it in the same way;
whichever of the two gets into a block decides. It is also how to give up a file that will never be signed: its nonce is asked for, and
nothing else can have it.`,
		Example: `  coffer tx export --from 0xCold… --chain-id 1 --to 0xCustomer… --amount 250 \
    --request w-9 --out w-9.json
  coffer tx export --from 0xCold… --chain-id 1 --to 0xHot… --amount 100 --sweep \
    --request refill-7 --out refill-7.json
  coffer tx export --request w-9 --out again.json
  coffer tx export --bump --request w-9 --out dearer.json
  coffer tx export --cancel --reason "the customer withdrew it" --request w-9 --out cancel.json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.export(cmd, x) },
	}
	c.Flags().StringVar(&x.From, "from", "", "the wallet that pays")
	c.Flags().Int64Var(&x.ChainID, "chain-id", 0, "chain id, such as 1")
	c.Flags().StringVar(&x.To, "to", "", "who is paid")
	c.Flags().StringVar(&x.Amount, "amount", "", "how much, decimal: 1.25")
	c.Flags().StringVar(&x.Asset, "asset", "", "token symbol in coffer.toml; left out: the chain's own coin")
	c.Flags().BoolVar(&x.BaseUnits, "base-units", false, "the amount is whole base units: wei, or the token's smallest unit")
	c.Flags().StringVar(&x.Request, "request", "", "request id, yours: one id, one payment")
	c.Flags().BoolVar(&x.Sweep, "sweep", false, "it moves an asset to a place that the machine's policy lists")
	c.Flags().StringVar(&x.maxFee, "max-fee", "", "the most that it may cost, in base units of the chain's coin")
	c.Flags().StringArrayVar(&x.Authorizations, "authorization", nil, "a token that allows it; may be given several times")
	c.Flags().BoolVar(&x.cancel, "cancel", false, "ask for the cancellation of a payment that was exported")
	c.Flags().BoolVar(&x.bump, "bump", false, "ask for a payment that was exported and signed again, with higher fees")
	c.Flags().StringVar(&x.reason, "reason", "", "why it is cancelled or bumped; it is recorded")
	c.MarkFlagsMutuallyExclusive("cancel", "bump")
	c.Flags().StringVar(&x.out, "out", "", "the file to write")
	_, _ = c.MarkFlagRequired("request"), c.MarkFlagRequired("out") // the flags are there
	return c
}

func (a *app) export(cmd *cobra.Command, x exporting) error {
	fresh := false
	for _, name := range []string{"from", "chain-id", "to", "amount"} {
		fresh = fresh || cmd.Flags().Changed(name)
	}
	if x.cancel && fresh {
		return fault.New(fault.Usage, "usage", "coffer tx export --cancel --request ID --reason TEXT --out FILE", "--cancel is about a payment that was exported")
	}
	if x.bump && fresh {
		return fault.New(fault.Usage, "usage", "coffer tx export --bump --request ID --out FILE", "--bump is about a payment that was exported")
	}
	if x.cancel && x.reason == "" {
		return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "--reason is missing: why, for the record")
	}
	for _, name := range []string{"from", "chain-id", "to", "amount"} {
		if fresh && !cmd.Flags().Changed(name) {
			return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "--%s is missing", name)
		}
	}
	if x.maxFee != "" {
		var ok bool
		if x.MaxFee, ok = new(big.Int).SetString(x.maxFee, 10); !ok {
			return fault.New(fault.Usage, "bad_max_fee", "base units of the chain's coin, as in 2000000000000000", "--max-fee %q is not a whole number", x.maxFee)
		}
	}
	return a.with(cmd.Context(), func(s *coffer.System) (err error) {
		var got withdrawal.ExportedPayment
		switch {
		case x.cancel:
			got, err = s.ExportCancel(cmd.Context(), x.Request, x.reason)
		case x.bump:
			got, err = s.ExportBump(cmd.Context(), x.Request, x.reason)
		case fresh:
			got, err = s.Export(cmd.Context(), x.ExportRequest)
		default:
			got, err = s.ExportAgain(cmd.Context(), x.Request)
		}
		if err != nil {
			return err
		}
		if err := writeExport(x.out, got.Requests.Encode()); err != nil {
			return err
		}
		return a.showOfflineExport(x.out, got)
	})
}

// writeExport writes the file, or finds that it is there already, the same.
func writeExport(path string, b []byte) error {
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, b) {
		return nil
	}
	return newfile.Write(path, b)
}

func (a *app) showOfflineExport(out string, x withdrawal.ExportedPayment) error {
	digests := make([]string, len(x.Requests.Requests))
	for n, r := range x.Requests.Requests {
		i, err := signing.Parse(r.Intent)
		if err != nil {
			return err
		}
		digests[n] = i.Digest().String()
	}
	if a.json {
		return a.document(struct {
			withdrawal.Withdrawal
			Out     string   `json:"out"`
			Device  string   `json:"device"`
			Digests []string `json:"digests"` // of the intents in the file
			Already bool     `json:"already"`
		}{x.Withdrawal, out, x.Requests.Device, digests, x.Already})
	}
	if x.Already {
		a.note("already exported")
	}
	table(a.stdout, withdrawalHeadings, [][]string{withdrawalRow(x.Withdrawal)})
	a.note("next: carry %s to machine %s; there: coffer-signer sign --in %s --out answers.json --passphrase-file FILE", out, x.Requests.Device, out)
	return nil
}

func (a *app) txImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Take in what a signing machine without network answered",
		Long: `Reads the answers that coffer-signer sign wrote, holds each against what was asked, and stores them: what is signed is sent and
tracked by the daemon, what is refused ends its payment. A file of another ledger or another machine, one that was altered or cut
off, or one that answers what nobody asked, is refused whole (4), and nothing of it is stored. Said again: already imported.`,
		Example: "  coffer tx import answers.json",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			answers, err := readAnswers(args[0])
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				report, err := s.Import(cmd.Context(), answers)
				if err != nil {
					return err
				}
				if !a.json {
					a.noteDaemon(cmd.Context(), s)
				}
				return a.showImported(report)
			})
		},
	}
}

func readAnswers(path string) (o signing.OfflineAnswers, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return o, fault.Wrap(err, fault.NotFound, "no_file", "check the path", "read the answers")
	}
	if err != nil {
		return o, fmt.Errorf("read the answers: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, signing.MaxOfflineFile+1))
	if err != nil {
		return o, fmt.Errorf("read the answers: %w", err)
	}
	if o, err = signing.ReadOfflineAnswers(b); err != nil {
		return o, fault.Wrap(err, fault.Refused, "bad_answers", "carry the file over again, or have it signed again: coffer-signer sign", "%s is refused whole", path)
	}
	return o, nil
}

func (a *app) showImported(report []withdrawal.Imported) error {
	if a.json {
		return a.document(map[string]any{"imported": report})
	}
	rows := make([][]string, len(report))
	already := true
	for n, r := range report {
		became := "signed"
		if r.Refused != "" {
			became = "refused"
		}
		already = already && r.Already
		rows[n] = []string{dash(r.Request), r.Purpose, r.Wallet, number(r.Nonce), became, dash(r.Hash), dash(r.Refused)}
	}
	if already {
		a.note("already imported")
	}
	table(a.stdout, []string{"REQUEST", "PURPOSE", "WALLET", "NONCE", "ANSWER", "HASH", "REASON"}, rows)
	return nil
}
