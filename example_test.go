package coffer_test

import (
	"context"
	"fmt"
	"time"

	"coffer.internal"
	"coffer.internal/nonce"
	"coffer.internal/withdrawal"
)

// The guide's "user withdrawal" section. Its first two lines, choosing the best hot wallet and taking a nonce of it, are one
// step here: whoever chooses first and reserves later sends every caller of a burst to the same wallet. (The two steps are
// System.Nonces.Best, then System.Nonces.Reserve.)
//
// What is signed here is in the ledger first, and then sent and tracked like every other payment; System.Run is what
// `coffer run` does.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	exchange := openExchange(ctx, 1) // a home with coffer.toml, a signing machine, a node, a hot wallet
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
	defer system.Close()
	daemon := make(chan error, 1)
	go func() { daemon <- system.Run(ctx) }()

	// The best hot wallet, and its nonce.
	reserved, err := system.Nonces.ReserveBest(ctx, nonce.BestCall{ChainType: "evm", ChainID: exchange.chainID, Request: "withdrawal-4711"})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The payment, signed by the signing machine.
	payment, err := system.Pay(ctx, reserved, 0, withdrawal.PayRequest{To: "0x52908400098527886E0F7030069857D2E4169EE7", Amount: "1.25"})
	if err != nil {
		fmt.Println(err)
		return
	}
	// What became of it.
	payment, err = system.Withdrawals.Wait(ctx, payment.Request, withdrawal.Final, 20*time.Millisecond)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(payment.Request, payment.Outcome, payment.Decimal, payment.Asset, "with nonce", *payment.Nonce)

	cancel()
	<-daemon
	// Output: withdrawal-4711 paid 1.25 ETH with nonce 0
}
