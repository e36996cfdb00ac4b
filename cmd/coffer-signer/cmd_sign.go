package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/newfile"
	"coffer.internal/internal/signer"
	"coffer.internal/signing"
)

// offline is what `sign` works with.
type offline struct {
	in, out string
	ask     bool
	pass    passphrase
}

func (a *app) signCommand() *cobra.Command {
	var o offline
	c := &cobra.Command{
		Use:   "sign --in FILE --out FILE --passphrase-file FILE",
		Short: "Sign what a file asks for, on a machine without network",
		Long: `Reads a file that ` + "`coffer tx export`" + ` wrote, says in sentences what it asks for, signs or refuses it, and writes the answers
into a new file for ` + "`coffer tx import`" + `. It opens vault, journal and policy as serve does and decides by the same rules; it
opens no socket. With --ask a person at the terminal types yes before anything is signed.

The same file again gives the same answers: if it was interrupted, or the answers were lost, say it again. A file that is
for another machine, cut off or altered is refused whole, and nothing is signed.`,
		Example: `  coffer-signer sign --in requests.json --out answers.json --passphrase-file passphrase
  coffer-signer sign --in requests.json --out answers.json --passphrase-file passphrase --ask`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.signOffline(cmd.Context(), o) },
	}
	o.pass.flags(c)
	c.Flags().StringVar(&o.in, "in", "", "the file of requests")
	c.Flags().StringVar(&o.out, "out", "", "the file of answers, which must not exist")
	c.Flags().BoolVar(&o.ask, "ask", false, "have a person type yes before anything is signed")
	_, _ = c.MarkFlagRequired("in"), c.MarkFlagRequired("out") // the flags are there
	return c
}

// signOffline looks at the files first: nothing is signed whose answer has no place to go.
func (a *app) signOffline(ctx context.Context, o offline) (err error) {
	if o.ask && !term.IsTerminal(int(a.stdin.Fd())) {
		return fault.New(fault.Usage, "usage", "run it in a terminal, or without --ask", "--ask asks a person, and standard input is no terminal")
	}
	if err := newfile.Free(o.out); err != nil {
		return err
	}
	requests, err := readRequests(o.in)
	if err != nil {
		return err
	}
	if err := keepMemoryPrivate(); err != nil { // before anything secret is in it
		return err
	}
	machine, done, err := a.alone(&o.pass)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if err := a.foretell(ctx, machine, requests, o.ask); err != nil {
		return err
	}
	answers, err := machine.SignOffline(ctx, requests)
	if err != nil {
		return err
	}
	if err := newfile.Write(o.out, answers.Encode()); err != nil {
		return err
	}
	return a.showSigned(o.out, answers)
}

// alone opens the machine of this home for one command. Nobody serves it meanwhile.
func (a *app) alone(pass *passphrase) (machine *signer.Machine, done func() error, err error) {
	home, err := a.home()
	if err != nil {
		return nil, nil, err
	}
	release, err := signer.Hold(home)
	if err != nil {
		return nil, nil, err
	}
	if machine, err = open(home, pass); err != nil {
		return nil, nil, errors.Join(err, release())
	}
	return machine, func() error { return errors.Join(machine.Close(), release()) }, nil
}

func readRequests(path string) (o signing.OfflineRequests, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return o, fault.Wrap(err, fault.NotFound, "no_file", "coffer tx export --out FILE", "read the requests")
	}
	if err != nil {
		return o, fmt.Errorf("read the requests: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, signing.MaxOfflineFile+1))
	if err != nil {
		return o, fmt.Errorf("read the requests: %w", err)
	}
	if o, err = signing.ReadOfflineRequests(b); err != nil {
		return o, fault.Wrap(err, fault.Usage, "bad_requests", "carry it over again, or export it again: coffer tx export", "%s is no file of requests", path)
	}
	return o, nil
}

// foretell says what is asked for and what is likely to become of it, and with ask has a person agree.
func (a *app) foretell(ctx context.Context, m *signer.Machine, o signing.OfflineRequests, ask bool) error {
	st, err := m.Status(ctx)
	if err != nil {
		return err
	}
	if o.Device != st.Device {
		return fault.New(fault.Refused, "other_device", "take it to that machine", "the file is for machine %s, and this is %s", o.Device, st.Device)
	}
	b, err := o.Batch()
	if err != nil {
		return err // it was read before
	}
	a.note("ledger %s asks for %d signature(s):", o.Ledger, len(b.Requests))
	for n, r := range b.Requests {
		v, err := m.Foresee(r, time.Now())
		if err != nil {
			return err
		}
		a.note("%d. %s", n+1, sentence(r.Intent))
		switch {
		case v.Refusal != nil:
			a.note("   It will be refused: %s (%s)", v.Refusal.Reason, v.Refusal.Code)
		default:
			a.note("   Rule %q permits it, within its limits.", v.Rule)
		}
	}
	if !ask {
		return nil
	}
	return a.agree("sign this? type yes: ")
}

// agree wants a person to type yes.
func (a *app) agree(question string) error {
	fmt.Fprint(a.stderr, question)
	var line [16]byte
	n, err := a.stdin.Read(line[:])
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(string(line[:n])) != "yes" {
		return fault.New(fault.NotAllowed, "not_agreed", "run it again", "nobody typed yes: nothing is signed")
	}
	return nil
}

// signedView is a signature or a refusal as --json shows it.
type signedView struct {
	Payment string           `json:"payment"`
	Digest  string           `json:"digest"`
	Hash    string           `json:"hash"`
	Refusal *signing.Refusal `json:"refusal"`
}

// showSigned says what became of each request. What was refused is an error: somebody has to know before the file travels.
func (a *app) showSigned(out string, o signing.OfflineAnswers) error {
	each, err := o.Each()
	if err != nil {
		return err
	}
	views, refused := make([]signedView, len(each)), 0
	for n, x := range each {
		views[n] = signedView{x.Intent.Payment, x.Answer.Digest.String(), x.Answer.Hash, x.Answer.Refusal}
		if x.Answer.Refusal != nil {
			refused++
		}
	}
	if a.json {
		err = a.document(map[string]any{"out": out, "device": o.Device, "ledger": o.Ledger, "answers": views})
	} else {
		for _, v := range views {
			if v.Refusal != nil {
				a.say("%s  refused  %s (%s)", named(v.Payment), v.Refusal.Reason, v.Refusal.Code)
				continue
			}
			a.say("%s  signed  %s", named(v.Payment), v.Hash)
		}
		a.note("next: carry %s back, and coffer tx import %s", out, out)
	}
	return errors.Join(err, refusedOf(len(each), refused))
}

func refusedOf(all, refused int) error {
	const hint = "carry the file back all the same: coffer tx import takes the refusals as answers"
	switch refused {
	case 0:
		return nil
	case all:
		return fault.New(fault.Refused, "all_refused", hint, "all %d request(s) are refused", all)
	}
	return fault.New(fault.Partly, "partly", hint, "%d of %d requests are refused", refused, all)
}

func named(payment string) string {
	if payment == "" {
		return "-"
	}
	return payment
}
