package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

func (a *app) keyCommand() *cobra.Command {
	var pass passphrase
	var r signing.KeyRequest
	var chain string
	c := &cobra.Command{
		Use:   "key --ledger ID --chain TYPE:ID --account cold --passphrase-file FILE",
		Short: "Make or find a key at the machine itself",
		Long: `Makes a key of an account (hot, cold or vault) that is bound to a ledger, and prints its address, path and device, with the
command that registers it in coffer. The same --ref of the same ledger, account and network gives the same key; without
one, a new key each time. Nobody may serve the home meanwhile. No network is needed.

Each account has a hardened step of its own in the paths: m/44'/60'/A'/0/i for EVM, m/84'/coin'/A'/0/i for Bitcoin,
m/44'/coin'/i'/A' for Solana, where A is 0 for hot, 1 for cold and 2 for vault. A policy names accounts by these words.`,
		Example: `  coffer-signer key --ledger L7Q… --chain evm:1 --account cold \
    --ref treasury --passphrase-file passphrase`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if r.Account == "" {
				r.Account = "hot"
			}
			if r.ChainType, r.ChainID, err = parseChain(chain); err != nil {
				return err
			}
			if err := keepMemoryPrivate(); err != nil { // before anything secret is in it
				return err
			}
			machine, done, err := a.alone(&pass)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			k, err := machine.NewKey(cmd.Context(), r)
			if err != nil {
				return err
			}
			return a.showKey(k, r)
		},
	}
	pass.flags(c)
	c.Flags().StringVar(&r.Ledger, "ledger", "", "id of the ledger that may have the key sign")
	c.Flags().StringVar(&chain, "chain", "", "chain type and id: evm:1, btc:0, solana:101")
	c.Flags().StringVar(&r.Account, "account", "cold", "hot, cold or vault")
	c.Flags().StringVar(&r.Ref, "ref", "", "a name of your own: the same ref gets the same key")
	_, _ = c.MarkFlagRequired("ledger"), c.MarkFlagRequired("chain") // the flags are there
	return c
}

// parseChain reads TYPE:ID.
func parseChain(s string) (chainType string, id int64, err error) {
	chainType, number, ok := strings.Cut(s, ":")
	if id, err = strconv.ParseInt(number, 10, 64); !ok || err != nil || id < 0 || strconv.FormatInt(id, 10) != number {
		return "", 0, fault.New(fault.Usage, "bad_chain", "as in evm:1, btc:0 or solana:101", "chain %q is not a type and an id", s)
	}
	return chainType, id, nil
}

func (a *app) showKey(k signing.Key, r signing.KeyRequest) error {
	if a.json {
		return a.document(struct {
			signing.Key
			ChainID int64  `json:"chain_id"`
			Account string `json:"account"`
			Ledger  string `json:"ledger"`
		}{k, r.ChainID, r.Account, r.Ledger})
	}
	for _, f := range [][2]string{{"address", k.Address}, {"path", k.Path}, {"device", k.Device}, {"account", r.Account}, {"ledger", r.Ledger}} {
		a.say("%-7s  %s", f[0], f[1])
	}
	a.note("next: %s", registering(k, r))
	return nil
}

// registering is the command by which coffer takes the wallet.
func registering(k signing.Key, r signing.KeyRequest) string {
	return fmt.Sprintf("coffer create-internal %s %d %s %s --device %s --path \"%s\"", k.Address, r.ChainID, k.ChainType, r.Account, k.Device, k.Path)
}
