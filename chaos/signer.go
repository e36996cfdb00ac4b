package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// machine is the signing machine as its owner sets it up: daemons reach it over mutual TLS, each with a certificate of its own and over
// a link that can be made bad; people on the same host reach it over its socket. Its policy lets exactly those payments be made that
// the run asks for, to the unit: whoever signs one twice is refused another one, and what is counted twice is never paid.
type machine struct {
	*child
	port  int
	links []*link
}

// serviceKey is what the signing machine's init made.
func (w *world) serviceKey() string { return filepath.Join(w.dir, "service.key") }
func (w *world) socket() string     { return filepath.Join(w.dir, "signer.sock") }
func (w *world) passphrase() string { return filepath.Join(w.dir, "passphrase") }
func (w *world) listens() string    { return fmt.Sprintf("127.0.0.1:%d", w.signer.port) }

// ask runs coffer-signer.
func (w *world) ask(ctx context.Context, args ...string) ([]byte, error) {
	return output(w.command(ctx, w.dir, w.programs.signer, args...))
}

// makeSigner makes the machine's home: keys, policy, certificates.
func (w *world) makeSigner(ctx context.Context, all []payment) (err error) {
	if w.signer.port, err = freePort(); err != nil {
		return err
	}
	if err := os.WriteFile(w.passphrase(), []byte("only chaos\n"), 0o600); err != nil {
		return err
	}
	if _, err := w.ask(ctx, "init", "--passphrase-file", w.passphrase()); err != nil {
		return err
	}
	usual, err := os.ReadFile(filepath.Join(w.dir, "signer", "policy.toml"))
	if err != nil {
		return err
	}
	file := filepath.Join(w.dir, "policy.toml")
	if err := os.WriteFile(file, []byte(narrowed(string(usual), all)), 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"policy", "install", file, "--passphrase-file", w.passphrase()}, {"cert", "init"}, {"cert", "server", "--host", "127.0.0.1"},
	} {
		if _, err := w.ask(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// allowance is what may be signed of one asset on one chain.
type allowance struct {
	chain    *chain
	asset    string // as a policy names it
	sum      *big.Int
	payments int
}

func (a allowance) rule() string { return fmt.Sprintf("%s on %s", a.asset, a.chain.name) }

// allowances are what a run pays.
func allowances(all []payment) (of []*allowance) {
	by := map[string]*allowance{}
	for _, p := range all {
		asset := "coin"
		if p.Token != zero {
			asset = p.Token.Hex()
		}
		name := p.chain.name + asset
		if by[name] == nil {
			by[name] = &allowance{chain: p.chain, asset: asset, sum: new(big.Int)}
			of = append(of, by[name])
		}
		by[name].sum.Add(by[name].sum, p.Amount)
		by[name].payments++
	}
	return of
}

// narrowed puts the rules of the run above all rules of a policy.
func narrowed(usual string, all []payment) string {
	var b strings.Builder
	for _, a := range allowances(all) {
		fmt.Fprintf(&b, "[[rule]]\nname = %q\npurposes = [\"withdraw\"]\naccounts = [\"hot\"]\nchains = [\"evm:%d\"]\nassets = [%q]\nauthorized_by = { service = 1 }\n"+
			"[rule.all_keys]\nday = \"%d\"\nday_count = %d\n\n", a.rule(), a.chain.id, a.asset, a.sum, a.payments)
	}
	at := strings.Index(usual, "[[rule]]")
	return usual[:at] + b.String() + usual[at:]
}

// admit gives a daemon a certificate, in its home, and a link of its own.
func (w *world) admit(ctx context.Context, name, home string) (*link, error) {
	if _, err := w.ask(ctx, "cert", "client", "--name", name, "--role", "client", "--out", home); err != nil {
		return nil, err
	}
	l, err := startLink(w.listens())
	if err == nil {
		w.signer.links = append(w.signer.links, l)
	}
	return l, err
}

func (w *world) startSigner(ctx context.Context) (err error) {
	// Not CommandContext: it ends by kill alone.
	cmd := w.command(context.WithoutCancel(ctx), w.dir, w.programs.signer, "serve", "--passphrase-file", w.passphrase(),
		"--listen", "unix:"+w.socket(), "--listen", w.listens())
	if w.signer.child, err = w.crew.start("signer", cmd); err != nil {
		return err
	}
	// Opening the vault takes a second of a core for which everything else competes.
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return w.signerReady(ctx)
}

// signerReady waits until the machine answers. Each question is a process, so it is asked now and then.
func (w *world) signerReady(ctx context.Context) error {
	return until(ctx, "the signing machine", 250*time.Millisecond, w.signerAnswers)
}

func (w *world) signerAnswers(ctx context.Context) (bool, error) {
	_, err := w.ask(ctx, "status")
	return err == nil, err
}

// signerCounted holds the machine's limits against what was asked for: they have counted neither less, with which more could be taken,
// nor more, with which somebody would not be paid.
func (w *world) signerCounted(ctx context.Context, all []payment) error {
	out, err := w.ask(ctx, "status", "--json")
	if err != nil {
		return err
	}
	var status struct {
		Limits []struct {
			Rule string
			Day  struct {
				Amount struct{ Used string }
				Count  struct{ Used int }
			}
		}
	}
	if err := json.Unmarshal(out, &status); err != nil {
		return fmt.Errorf("read the signing machine's status: %w", err)
	}
	for _, a := range allowances(all) {
		counted := "nothing"
		for _, l := range status.Limits {
			if l.Rule == a.rule() {
				counted = fmt.Sprintf("%s in %d payments", l.Day.Amount.Used, l.Day.Count.Used)
			}
		}
		if asked := fmt.Sprintf("%d in %d payments", a.sum, a.payments); counted != asked {
			return fmt.Errorf("%s: asked for were %s, and the signing machine counted %s", a.rule(), asked, counted)
		}
	}
	return nil
}
