package policy

import (
	"crypto/ed25519"
	"strings"
)

// Default is the policy that a new machine begins with: hot keys pay what the service authorizes, and mend what is stuck, at bounded cost;
// cold and vault keys do nothing. Without a service key it permits no payment.
func Default(service ed25519.PublicKey) []byte {
	parts := []string{defaultHead, defaultNobody, defaultMend, defaultTail}
	if service != nil {
		parts = []string{defaultHead, strings.Replace(defaultService, "KEY", WriteKey(service), 1), defaultWithdraw, defaultMend, defaultTail}
	}
	return []byte(strings.Join(parts, "\n"))
}

const defaultHead = `# What this signing machine may sign. What no rule permits is refused; the first rule that fits decides.
#
# Changing this file changes nothing: a policy is in force from
#     coffer-signer policy install FILE --passphrase-file FILE
# on, and a machine whose file is not the installed one does not serve. First see what it means:
#     coffer-signer policy explain FILE
# docs/policy.md describes every key.

version = 1
`

const defaultService = `# The withdrawal service: whoever has its private key can have every hot wallet paid out, within the rules below. Add risk control
# (role = "risk") and at least two officers (role = "officer"), each with a key of its own that coffer's machine does not hold.
[[authorizer]]
name = "service"
role = "service"
key = "KEY"
`

const defaultWithdraw = `# Withdrawals from hot wallets, of any asset, to whom the service authorizes. Nothing caps them beyond what it authorized: give each
# asset that matters a rule of its own above this one, with payment, hour and day.
[[rule]]
name = "withdraw"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:*", "btc:*", "solana:*"]
assets = ["*"]
authorized_by = { service = 1 }
`

const defaultNobody = `# Nobody may authorize a payment, and no rule permits one. Name an authorizer and write a rule:
#
#     [[authorizer]]
#     name = "service"
#     role = "service"
#     key = "ed25519:..."
#
#     [[rule]]
#     name = "withdraw"
#     purposes = ["withdraw"]
#     accounts = ["hot"]
#     chains = ["evm:*", "btc:*", "solana:*"]
#     assets = ["*"]
#     authorized_by = { service = 1 }
`

const defaultMend = `# Cancellations and gap fills move nothing, but cost fees that nobody authorizes: at most 0.1 coin each, and 20 coins a day on a chain.
[[rule]]
name = "mend"
purposes = ["cancel", "gap_fill"]
accounts = ["hot"]
chains = ["evm:*"]
max_fee = "100_000_000_000_000_000"

[rule.all_keys]
fee_day = "20_000_000_000_000_000_000"
`

const defaultTail = `# Cold and vault keys sign nothing until there is a rule for them. A sweep, for example, which brings all to one place:
#
#     [[rule]]
#     name = "sweep to the vault"
#     purposes = ["sweep"]
#     accounts = ["hot"]
#     chains = ["evm:1"]
#     assets = ["coin"]
#     to = ["0x..."]
#     max_fee_percent = 1
`
