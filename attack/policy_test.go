package attack

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"coffer.internal/internal/signer/policy"
)

// policyText is a policy as an exchange would have it. It is small enough for a thief to come up against every line of it.
const policyText = `version = 1

[[authorizer]]
name = "withdrawals"
role = "service"
key = "SERVICE"

[[authorizer]]
name = "risk control"
role = "risk"
key = "RISK"

[[authorizer]]
name = "anna"
role = "officer"
key = "OFFICER1"

[[authorizer]]
name = "bo"
role = "officer"
key = "OFFICER2"

[[rule]]
name = "coins"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:1337"]
assets = ["coin"]
authorized_by = { service = 1, risk = 1 }
officers_above = "5_000_000_000_000_000_000"
officers = 2
payment = "10_000_000_000_000_000_000"
max_fee = "50_000_000_000_000_000"
max_fee_per_gas = 1_000_000_000_000
max_fee_percent = 10
[rule.each_key]
hour = "20_000_000_000_000_000_000"
day = "30_000_000_000_000_000_000"
hour_count = 25
day_count = 40
fee_hour = "100_000_000_000_000_000"
fee_day = "200_000_000_000_000_000"

[[rule]]
name = "tokens"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["evm:1337"]
assets = ["TOKEN"]
authorized_by = { service = 1, risk = 1 }
payment = 1000
max_fee = "200_000_000_000_000_000"
[rule.all_keys]
hour_count = 3

[[rule]]
name = "a token of another wallet"
purposes = ["withdraw"]
keys = ["0x52908400098527886E0F7030069857D2E4169EE7"]
accounts = ["hot"]
chains = ["evm:1337"]
assets = ["OTHER"]
authorized_by = { service = 1, risk = 1 }
payment = 1000
max_fee = "200_000_000_000_000_000"

[[rule]]
name = "bitcoin and SOL"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["btc:3", "solana:101", "solana:104"]
assets = ["coin"]
authorized_by = { service = 1, risk = 1 }
max_sat_per_vb = 100
max_lamports = 1_000_000

[[rule]]
name = "tokens on Solana"
purposes = ["withdraw"]
accounts = ["hot"]
chains = ["solana:101"]
assets = ["MINT", "SECOND"]
authorized_by = { service = 1, risk = 1 }
max_lamports = 10_000_000
[rule.each_key]
hour_count = 2

[[rule]]
name = "to the vault"
purposes = ["sweep"]
accounts = ["hot"]
chains = ["evm:1337"]
assets = ["coin"]
to = ["0x1111111111111111111111111111111111111111"]
max_fee = "50_000_000_000_000_000"

[[rule]]
name = "mending"
purposes = ["cancel", "gap_fill"]
accounts = ["hot"]
chains = ["evm:1337"]
max_fee = "20_000_000_000_000_000"
[rule.each_key]
fee_hour = "50_000_000_000_000_000"
fee_day = "100_000_000_000_000_000"
`

// policy is the one in force.
func (w *world) policy(t *testing.T) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(w.policyText())
	must(t, err)
	return p
}

func (w *world) policyText() []byte {
	return []byte(strings.NewReplacer("SERVICE", public(w.keys.service), "RISK", public(w.keys.risk), "OFFICER1", public(w.keys.officer1),
		"OFFICER2", public(w.keys.officer2), "TOKEN", w.tokens[0].Hex(), "OTHER", w.tokens[1].Hex(), "MINT", solanaMint, "SECOND", otherMint).Replace(policyText))
}

func public(k ed25519.PrivateKey) string {
	return "ed25519:" + base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey))
}
