package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/nonce"
	"coffer.internal/wallet"
)

func (a *app) nonceCommand() *cobra.Command {
	return parent("nonce", "Reserve, give back, mark and list single nonces",
		`For programs and people who sign themselves: a nonce is reserved for a request id, used, or given back. What coffer pays
itself (coffer withdraw) needs none of it.`,
		`  coffer nonce reserve 0xYourSafe… 1 --request order-17
  coffer nonce list 0xYourSafe… 1`,
		a.nonceReserveCommand(), a.nonceReleaseCommand(), a.nonceSentCommand(), a.nonceListCommand())
}

func (a *app) nonceReserveCommand() *cobra.Command {
	var request string
	var count int
	var best bool
	c := &cobra.Command{
		Use:   "reserve ADDRESS CHAIN_ID --request ID | reserve --best CHAIN_ID CHAIN_TYPE --request ID",
		Short: "Reserve the next nonces for a request id",
		Long: `Prints the nonces and the fence of each. The same request id gets the same nonces again. A reservation on a
wallet of ours expires (reservation_ttl in coffer.toml); one on a wallet whose key is elsewhere does not: end it with
nonce sent or nonce release.

--best chooses the wallet as well, by the chain's strategy (coffer.toml): the active hot wallet with the lowest nonce, in
turn among equals, if it names none.`,
		Example: `  coffer nonce reserve 0xYourWallet… 1 --request order-17
  coffer nonce reserve --best 1 evm --request order-18 --count 3`,
		Args: exactly("ADDRESS (or CHAIN_ID with --best)", "CHAIN_ID (or CHAIN_TYPE with --best)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if request == "" {
				return fault.New(fault.Usage, "usage", "choose an id of your own, such as --request order-17",
					"--request is missing: without it a repeated command would take another nonce")
			}
			if cmd.Flags().Changed("count") && count < 1 {
				return fault.New(fault.Usage, "bad_count", "", "count %d is not at least 1", count)
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				r, err := a.reserve(cmd, s, args, request, count, best)
				if err != nil {
					return err
				}
				return a.showReservation(r)
			})
		},
	}
	c.Flags().StringVar(&request, "request", "", "request id, yours; always required")
	c.Flags().IntVar(&count, "count", 1, "how many nonces, at most 10000")
	c.Flags().BoolVar(&best, "best", false, "choose the wallet as well")
	return c
}

func (a *app) reserve(cmd *cobra.Command, s *coffer.System, args []string, request string, count int, best bool) (nonce.Reservation, error) {
	if !best {
		address, chain, err := addressAndChain(args)
		if err != nil {
			return nonce.Reservation{}, err
		}
		return s.Nonces.Reserve(cmd.Context(), nonce.Call{Address: address, ChainID: chain, Request: request, Count: count})
	}
	chain, err := chainID(args[0])
	if err != nil {
		return nonce.Reservation{}, err
	}
	chainType, err := wallet.ParseChainType(args[1])
	if err != nil {
		return nonce.Reservation{}, err
	}
	return s.Nonces.ReserveBest(cmd.Context(), nonce.BestCall{
		ChainType: string(chainType), ChainID: chain, Request: request, Count: count,
	})
}

func (a *app) showReservation(r nonce.Reservation) error {
	if a.json {
		type row struct {
			Row       int     `json:"row"`
			Nonce     uint64  `json:"nonce"`
			Fence     int64   `json:"fence"`
			ExpiresAt *string `json:"expires_at"`
		}
		rows := make([]row, len(r.Rows))
		for i, n := range r.Rows {
			rows[i] = row{n.Row, n.Nonce, n.Fence, stamp(n.ExpiresAt)}
		}
		return a.document(map[string]any{
			"request": r.Request, "address": r.Wallet.Address, "chain_type": r.Wallet.ChainType,
			"chain_id": r.Wallet.ChainID, "already_reserved": r.Again, "nonces": rows,
		})
	}
	if r.Again {
		a.note("already reserved")
	}
	rows := make([][]string, len(r.Rows))
	for i, n := range r.Rows {
		expires := "never"
		if !n.ExpiresAt.IsZero() {
			expires = moment(n.ExpiresAt)
		}
		rows[i] = []string{r.Wallet.Address, number(n.Nonce), number(n.Fence), expires}
	}
	table(a.stdout, []string{"ADDRESS", "NONCE", "FENCE", "EXPIRES_AT"}, rows)
	return nil
}

func (a *app) nonceReleaseCommand() *cobra.Command {
	var fence int64
	c := &cobra.Command{
		Use:     "release ADDRESS CHAIN_ID NONCE --fence F",
		Short:   "Give back a reserved nonce that nothing was signed with",
		Long:    "The nonce is given to the next caller. The fence, printed by nonce reserve, proves that it is still yours.",
		Example: "  coffer nonce release 0xYourWallet… 1 17 --fence 1",
		Args:    exactly("ADDRESS", "CHAIN_ID", "NONCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, chain, n, err := oneNonce(args)
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				if err := s.Nonces.Release(cmd.Context(), address, chain, n, fence); err != nil {
					return err
				}
				return a.showNonceDone(address, chain, n, "released")
			})
		},
	}
	c.Flags().Int64Var(&fence, "fence", 0, "the fence that nonce reserve printed")
	must(c.MarkFlagRequired("fence"))
	return c
}

func (a *app) nonceSentCommand() *cobra.Command {
	var fence int64
	c := &cobra.Command{
		Long: `Tells coffer that the nonce is spent, and by what. It is for wallets whose key coffer's signing machine does not hold:
nobody else can know. Said twice with the same hash it changes nothing.`,
		Use:     "sent ADDRESS CHAIN_ID NONCE HASH --fence F",
		Short:   "Say that a nonce whose key is elsewhere was used, and by which transaction",
		Example: "  coffer nonce sent 0xYourSafe… 1 17 0x5c50… --fence 1",
		Args:    exactly("ADDRESS", "CHAIN_ID", "NONCE", "HASH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, chain, n, err := oneNonce(args)
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				if err := s.Nonces.Sent(cmd.Context(), address, chain, n, fence, args[3]); err != nil {
					return err
				}
				return a.showNonceDone(address, chain, n, "used")
			})
		},
	}
	c.Flags().Int64Var(&fence, "fence", 0, "the fence that nonce reserve printed")
	must(c.MarkFlagRequired("fence"))
	return c
}

func (a *app) showNonceDone(address string, chain int64, n uint64, now string) error {
	if a.json {
		return a.document(map[string]any{"address": address, "chain_id": chain, "nonce": n, "state": now})
	}
	a.say("nonce %d of %s on %d: %s", n, address, chain, now)
	return nil
}

func (a *app) nonceListCommand() *cobra.Command {
	return &cobra.Command{
		Long: `Lists every nonce that was handed out: free (given back), reserved, or used (a signature was asked for, or it was sent
elsewhere), with the request id that has it. Below the table: the next nonce to hand out, and what was spent by others.`,
		Use:     "list ADDRESS CHAIN_ID",
		Short:   "List a wallet's nonces and who has each",
		Example: "  coffer nonce list 0xYourWallet… 1",
		Args:    exactly("ADDRESS", "CHAIN_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, chain, err := addressAndChain(args)
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(s *coffer.System) error {
				l, err := s.Nonces.List(cmd.Context(), address, chain)
				if err != nil {
					return err
				}
				return a.showNonces(l)
			})
		},
	}
}

func (a *app) showNonces(l nonce.Listing) error {
	if a.json {
		type row struct {
			Nonce     uint64  `json:"nonce"`
			State     string  `json:"state"`
			Request   *string `json:"request"`
			Row       int     `json:"row"`
			Fence     int64   `json:"fence"`
			ExpiresAt *string `json:"expires_at"`
			Hash      *string `json:"hash"`
		}
		rows := make([]row, len(l.Nonces))
		for i, n := range l.Nonces {
			rows[i] = row{n.Nonce, n.State, null(n.Request), n.Row, n.Fence, stamp(n.ExpiresAt), null(n.Hash)}
		}
		return a.document(map[string]any{
			"address": l.Wallet.Address, "chain_id": l.Wallet.ChainID, "cursor": l.Wallet.Nonce, "nonces": rows,
			"external": viewExternals(l.Externals),
		})
	}
	rows := make([][]string, len(l.Nonces))
	for i, n := range l.Nonces {
		rows[i] = []string{number(n.Nonce), n.State, dash(n.Request), number(n.Row), number(n.Fence), moment(n.ExpiresAt)}
	}
	table(a.stdout, []string{"NONCE", "STATE", "REQUEST", "ROW", "FENCE", "EXPIRES_AT"}, rows)
	a.note("cursor %s; external: %s", strconv.FormatUint(l.Wallet.Nonce, 10), externalText(l.Externals))
	return nil
}

// oneNonce reads the arguments ADDRESS CHAIN_ID NONCE.
func oneNonce(args []string) (address string, chain int64, n uint64, err error) {
	if address, chain, err = addressAndChain(args); err != nil {
		return "", 0, 0, err
	}
	n, err = nonceNumber(args[2])
	return address, chain, n, err
}

// must is for what only a mistake in this program can fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
