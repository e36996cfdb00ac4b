package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/helptext"
	"coffer.internal/wallet"
)

// The groups of `coffer help`: the sections of the guide, in its order.
const (
	groupStart   = "start"
	groupWallets = "wallets" // 管理方式
	groupPay     = "pay"     // 使用场景
	groupWatch   = "watch"   // 监控和维护
	groupSecure  = "secure"  // 安全注意事项
	groupFaults  = "faults"  // 故障处理
)

const rootLong = `coffer keeps every wallet that the exchange owns, hands out transaction nonces, and pays
customer withdrawals out of the hot wallets, each exactly once. The signing machine, coffer-signer,
alone holds keys. Everybody meets in one database; nothing listens on a network.

New here: coffer init prints the next three commands.`

const rootExample = `  coffer create-hot 1 evm
  coffer list
  coffer nonce reserve 0xYourWallet… 1 --request order-17
  coffer withdraw --chain-id 1 --to 0xCustomer… --amount 1.25 --request withdrawal-4711 --wait final`

// exitCodes stands under every help text.
const exitCodes = "0 done · 1 failed, or no wallet free · 2 usage · 3 not found · 4 refused to keep an invariant · " +
	"5 not allowed · 6 database, signer or node unreachable · 7 partly done · 130 interrupted (docs/exit-codes.md)"

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "coffer",
		Short:         "Keep wallets, hand out nonces, pay withdrawals exactly once",
		Long:          rootLong,
		Example:       rootExample,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          helptext.UnknownVerb,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "print one JSON document (docs/json.md)")
	flags.StringVar(&a.db, "db", "", "database: sqlite:PATH or postgres://… (else $COFFER_DB, else coffer.toml)")
	flags.StringVar(&a.signer, "signer", "", "signing machine: unix:PATH (else $COFFER_SIGNER, else coffer.toml)")
	flags.StringVar(&a.operator, "operator", "", "which operator signs, if your keys are those of several (else $COFFER_OPERATOR)")
	flags.StringVar(&a.operatorKey, "operator-key", "", "private key that signs (else operator_key in coffer.toml, else your ssh-agent)")
	root.AddGroup(
		&cobra.Group{ID: groupStart, Title: "Setting up"},
		&cobra.Group{ID: groupWallets, Title: "Managing wallets"},
		&cobra.Group{ID: groupPay, Title: "Paying withdrawals"},
		&cobra.Group{ID: groupWatch, Title: "Monitoring and maintenance"},
		&cobra.Group{ID: groupSecure, Title: "Security"},
		&cobra.Group{ID: groupFaults, Title: "Handling faults (look here first; then sync or activate, above)"},
	)
	root.AddCommand(grouped(groupStart, a.initCommand(), a.migrateCommand(), a.versionCommand())...)
	root.AddCommand(grouped(groupWallets, a.createHotCommand(), a.createInternalCommand(), a.createBatchCommand(), a.listCommand(),
		a.activateCommand(), a.deactivateCommand(), a.syncCommand())...)
	root.AddCommand(grouped(groupPay, a.withdrawCommand(), a.authorizeCommand(), a.runCommand(), a.txCommand(), a.explainCommand(), a.nonceCommand())...)
	root.AddCommand(grouped(groupWatch, a.healthCommand(), a.alarmsCommand(), a.cacheStatusCommand(), a.clearCacheCommand(), a.batchSyncCommand(), a.reconcileCommand())...)
	root.AddCommand(grouped(groupSecure, a.operatorCommand(), a.approveCommand(), a.proposalCommand(), a.configCommand(), a.auditCommand(), a.backupCommand(), a.signerCommand(),
		a.deviceCommand())...)
	root.AddCommand(grouped(groupFaults, a.infoCommand(), a.recoverCommand(), a.restoreCommand())...)
	root.SetCompletionCommandGroupID(groupStart)
	helptext.Install(root, exitCodes)
	a.completions(root)
	root.SetHelpCommandGroupID(groupStart)
	return root
}

func grouped(group string, commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		c.GroupID = group
	}
	return commands
}

// parent is a command that only groups others.
func parent(use, short, long, example string, children ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example, Args: helptext.UnknownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(children...)
	return c
}

// exactly is cobra.ExactArgs with a message that names what is missing.
func exactly(names ...string) cobra.PositionalArgs { return between(len(names), names...) }

// between wants at least least of the named arguments and no more than all of them.
func between(least int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "%s is missing", names[len(args)])
		case len(args) > len(names):
			return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help",
				"%q is one argument too many; expected %s", args[len(names)], strings.Join(names, " "))
		}
		return nil
	}
}

// chainID reads a CHAIN_ID argument.
func chainID(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 0 {
		hint := "a whole number such as 1 (Ethereum) or 56 (BSC)"
		if _, err := wallet.ParseChainType(s); err == nil {
			hint = "the chain id comes before the chain type, as in 1 " + s
		} else if len(s) > len("9223372036854775807") { // as every address is
			hint = "the address comes before the chain id"
		}
		return 0, fault.New(fault.Usage, "bad_chain_id", hint,
			"chain id %q is not a whole number from 0 to %d", s, int64(1<<63-1))
	}
	return id, nil
}

// nonceNumber reads a nonce.
func nonceNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > 1<<53 {
		return 0, fault.New(fault.Usage, "bad_nonce", "a nonce is what eth_getTransactionCount answers, such as 0 or 100",
			"nonce %q is not a whole number from 0 to %d", s, uint64(1<<53))
	}
	return n, nil
}

// addressAndChain reads the arguments ADDRESS CHAIN_ID.
func addressAndChain(args []string) (string, int64, error) {
	id, err := chainID(args[1])
	return args[0], id, err
}

func number[N ~int | ~int64 | ~uint64](n N) string { return fmt.Sprintf("%d", n) }
