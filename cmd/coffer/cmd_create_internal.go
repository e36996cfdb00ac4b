package main

import (
	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/operators"
	"coffer.internal/wallet"
)

func (a *app) createInternalCommand() *cobra.Command {
	var initial, device, path string
	c := &cobra.Command{
		Use:   "create-internal ADDRESS CHAIN_ID CHAIN_TYPE WALLET_TYPE",
		Short: "Register a wallet that exists: multisig, cold, vault or hot",
		Long: `Registers an address that already exists. If the signing machine holds its key, device and path are
stored; otherwise its key is elsewhere, and coffer never pays from it: it only keeps its nonces.

A wallet of a signing machine that is not reachable from here, such as one without network, is registered with --device and
--path as ` + "`coffer-signer key`" + ` prints them there: only that machine signs for it, by coffer tx export and import. If the machine that
is reachable says otherwise, that is refused (4).

WALLET_TYPE is hot, multisig, cold or vault.`,
		Example: `  coffer create-internal 0xYourSafe… 1 evm multisig
  coffer create-internal bc1q… 0 btc cold
  coffer create-internal 0xCold… 1 evm cold --device SHA256:… --path "m/44'/60'/1'/0/0"`,
		Args: exactly("ADDRESS", "CHAIN_ID", "CHAIN_TYPE", "WALLET_TYPE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := wallet.InternalRequest{Address: args[0], Device: device, Path: path}
			var err error
			if req.ChainID, err = chainID(args[1]); err != nil {
				return err
			}
			if req.ChainType, err = wallet.ParseChainType(args[2]); err != nil {
				return err
			}
			if req.Type, err = wallet.ParseType(args[3]); err != nil {
				return err
			}
			if req.Nonce, err = nonceNumber(initial); err != nil {
				return err
			}
			return a.act(cmd.Context(), coffer.Act{
				Verb: operators.CreateInternal, Address: req.Address, ChainID: &req.ChainID, ChainType: string(req.ChainType), WalletType: string(req.Type),
				Nonce: &req.Nonce, Device: req.Device, Path: req.Path,
			}, "")
		},
	}
	c.Flags().StringVar(&device, "device", "", "the signing machine that holds the key, if it is not reachable from here")
	c.Flags().StringVar(&path, "path", "", "the key's derivation path on that machine")
	c.Flags().StringVar(&initial, "nonce", "0", "the next nonce to hand out (the guide's initialNonce)")
	return c
}
