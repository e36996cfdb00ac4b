package coffer_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coffer.internal"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
)

// The guide's "from a program" section: docs/guide.md shows what manage does.
func Example_guide() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	exchange := openExchange(ctx, 1)
	defer exchange.close()
	config, err := coffer.LoadConfig(exchange.home)
	if err != nil {
		fmt.Println(err)
		return
	}
	system, err := coffer.Open(ctx, config, coffer.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(errors.Join(manage(ctx, system), system.Close()))
	// Output:
	// hot 0 signed here: true
	// multisig 0 signed here: false
	// next nonce of the multisig wallet: 100
	// <nil>
}

func manage(ctx context.Context, system *coffer.System) error {
	hot, _, err := system.Wallets.CreateHot(ctx, wallet.HotRequest{ChainType: wallet.EVM, ChainID: 1, Ref: "payouts-1"})
	if err != nil {
		return err
	}
	safe, _, err := system.Wallets.CreateInternal(ctx, wallet.InternalRequest{
		Address: "0x52908400098527886E0F7030069857D2E4169EE7", ChainType: wallet.EVM, ChainID: 1, Type: wallet.Multisig,
	})
	if err != nil {
		return err
	}
	chain := int64(1)
	wallets, err := system.Wallets.List(ctx, wallet.Filter{ChainID: &chain})
	if err != nil {
		return err
	}
	report, err := system.Nonces.Sync(ctx, nonce.SyncCall{Address: safe.Address, ChainID: 1, To: 100})
	if err != nil {
		return err
	}

	for _, w := range wallets {
		fmt.Println(w.Type, w.Nonce, "signed here:", w.Device == hot.Device)
	}
	fmt.Println("next nonce of the multisig wallet:", report.Wallet.Nonce)
	return nil
}
