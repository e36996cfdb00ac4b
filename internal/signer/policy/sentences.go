package policy

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"coffer.internal/internal/signer/derive"
	"coffer.internal/signing"
)

// warning begins a sentence about what is dangerous.
const warning = "WARNING: "

// Sentences say what the policy means, one a line, rule by rule. What is dangerous begins with "WARNING: ".
func (p *Policy) Sentences() []string {
	said := []string{p.sayAuthorizers()}
	if len(p.Officers()) == 0 {
		said = append(said, warning+"there are no officers: whoever runs the machine may release payments, unfreeze it and install another policy alone.")
	}
	for n, r := range p.rules {
		said = append(said, "", fmt.Sprintf("Rule %d, %q: %s.", n+1, r.name, r.sayMatter()))
		for _, s := range slices.Concat(r.sayWants(), r.sayCaps(), r.sayLimits("each key", r.eachKey), r.sayLimits("all keys together", r.allKeys)) {
			said = append(said, "  "+s)
		}
		for _, s := range r.warnings() {
			said = append(said, "  "+warning+s)
		}
	}
	said = append(said, "")
	if !slices.ContainsFunc(p.rules, func(r *rule) bool { return r.purposes[0] == signing.PurposePayment }) {
		said = append(said, warning+"no rule permits a withdrawal: every payment of a customer is refused for good.")
	}
	return append(said, "The first rule about a key, chain, asset and purpose decides; those after it are not looked at. What no rule is about is refused.")
}

// Warnings are the sentences about what is dangerous.
func (p *Policy) Warnings() []string {
	var dangerous []string
	for _, s := range p.Sentences() {
		if s = strings.TrimSpace(s); strings.HasPrefix(s, warning) {
			dangerous = append(dangerous, strings.TrimPrefix(s, warning))
		}
	}
	return dangerous
}

func (p *Policy) sayAuthorizers() string {
	if len(p.authorizers) == 0 {
		return "Nobody's authorization counts."
	}
	var all []string
	for _, a := range p.authorizers {
		all = append(all, fmt.Sprintf("%s (%s)", a.Name, a.Role))
	}
	return "Whose authorizations count: " + strings.Join(all, ", ") + "."
}

// sayMatter says what the rule is about.
func (r *rule) sayMatter() string {
	var does []string
	for _, p := range r.purposes {
		does = append(does, map[signing.Purpose]string{
			signing.PurposePayment: "withdrawals", signing.PurposeSweep: "sweeps",
			signing.PurposeCancel: "cancellations", signing.PurposeGapFill: "fillings of gaps",
		}[p])
	}
	s := strings.Join(does, " and ")
	if r.pays() {
		s += " of " + r.sayAssets()
	}
	return s + " from " + r.sayKeys() + " on " + r.sayChains()
}

func (r *rule) sayAssets() string {
	if r.everyAsset() {
		return "every asset"
	}
	var all []string
	for _, a := range r.assets {
		if a == coin {
			a = "the chain's own coin"
		}
		all = append(all, a)
	}
	return each(all)
}

func (r *rule) sayKeys() string {
	if r.keys == nil {
		return each(r.accounts) + " keys"
	}
	s := each(r.keys)
	if r.accounts != nil {
		s += ", if that is a key of account " + either(r.accounts)
	}
	return s
}

func (r *rule) sayChains() string {
	kinds := map[string]string{derive.EVM: "EVM", derive.BTC: "Bitcoin", derive.Solana: "Solana"}
	var all []string
	for _, c := range r.chains {
		switch {
		case c.id != everyChain:
			all = append(all, fmt.Sprintf("%s %d", kinds[c.chainType], c.id))
		case c.chainType == derive.EVM:
			all = append(all, "every EVM chain")
		default:
			all = append(all, "every network of "+kinds[c.chainType])
		}
	}
	return each(all)
}

func either(all []string) string { return joined(all, " or ") }
func each(all []string) string   { return joined(all, " and ") }

func joined(all []string, last string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + last + all[len(all)-1]
}

// sayWants says where it may go, and whose authorization that takes.
func (r *rule) sayWants() []string {
	switch {
	case !r.pays():
		return []string{"They move nothing, from a wallet to itself, and want nobody's authorization."}
	case r.sweeps():
		return append([]string{"They may go to " + either(r.to) + ", and nowhere else."}, r.sayNeeds("They want nobody's authorization.")...)
	}
	return r.sayNeeds("They want nobody's authorization: whoever may connect to the machine names who is paid.")
}

func (r *rule) sayNeeds(none string) []string {
	var all []string
	for _, role := range roles {
		if n := r.needs[role]; n > 0 {
			all = append(all, fmt.Sprintf("%d of role %s", n, role))
		}
	}
	said := []string{none}
	if all != nil {
		said = []string{"Each wants authorizations for exactly that payment: " + strings.Join(all, " and ") + "."}
	}
	if r.officers > 0 {
		said = append(said, fmt.Sprintf("Above %s it wants %d officers as well.", r.amount(r.officersAbove), r.officers))
	}
	return said
}

func (r *rule) sayCaps() []string {
	var said []string
	if r.payment != nil {
		said = append(said, "One payment is at most "+r.amount(r.payment)+".")
	}
	if caps := r.feeCaps(); len(caps) > 0 {
		said = append(said, "The fee of one transaction is at most "+strings.Join(caps, ", and at most ")+".")
	}
	return said
}

func (r *rule) feeCaps() []string {
	var caps []string
	if r.maxFee != nil {
		caps = append(caps, r.coins(r.maxFee))
	}
	if r.maxFeePerGas != nil {
		caps = append(caps, grouped(r.maxFeePerGas)+" wei per gas on EVM")
	}
	if r.maxSatPerVB != nil {
		caps = append(caps, grouped(r.maxSatPerVB)+" sat per virtual byte on Bitcoin")
	}
	if r.maxLamports != nil {
		caps = append(caps, inCoins(derive.Solana, r.maxLamports)+" on Solana")
	}
	if r.maxFeePercent != nil {
		caps = append(caps, fmt.Sprintf("%s%% of a payment of the chain's own coin", *r.maxFeePercent))
	}
	return caps
}

func (r *rule) sayLimits(who string, l limits) []string {
	var said []string
	for _, span := range []struct {
		name     string
		sum, fee *big.Int
		count    int
	}{{"hour", l.hour, l.feeHour, l.hourCount}, {"24 hours", l.day, l.feeDay, l.dayCount}} {
		var all []string
		if span.sum != nil {
			all = append(all, r.amount(span.sum))
		}
		if span.count > 0 {
			all = append(all, fmt.Sprintf("%s transactions", grouped(big.NewInt(int64(span.count)))))
		}
		if span.fee != nil {
			all = append(all, "fees of "+r.coins(span.fee))
		}
		if all != nil {
			said = append(said, fmt.Sprintf("Within any %s, on each chain, %s may sign at most %s.", span.name, who, strings.Join(all, " and ")))
		}
	}
	return said
}

// warnings say what is dangerous about the rule.
func (r *rule) warnings() []string {
	var said []string
	if r.purposes[0] == signing.PurposePayment && len(r.needs) == 0 {
		said = append(said, "nobody authorizes these payments: whoever holds coffer's machine or its database can pay anybody.")
	}
	sums := r.allKeys.sums()
	switch {
	case !r.pays() && r.maxFee == nil && r.maxFeePerGas == nil:
		said = append(said, "no cap on the fee of one transaction: whoever holds coffer's machine can burn a wallet's coins.")
	case !r.pays() && !r.allKeys.fees():
		said = append(said, "no limit on the fees of all keys together: whoever holds coffer's machine can burn them one transaction after the other.")
	case !r.pays() || r.sweeps():
	case r.payment == nil && !sums && !r.eachKey.sums():
		said = append(said, "no cap on a payment and no limit on sums: whoever holds the authorizing keys can take everything at once.")
	case !sums:
		said = append(said, "no limit on the sum of all keys together.")
	}
	if r.pays() && len(r.needs) == 0 && slices.ContainsFunc(r.chainTypes(), func(t string) bool { return !r.feesBounded(t) }) {
		said = append(said, "no cap on every fee, and no authorization that names one: whoever holds coffer's machine can burn a wallet's coins.")
	}
	return said
}

// feesBounded says whether the rule bounds what each transaction on chains of a type can cost.
func (r *rule) feesBounded(chainType string) bool {
	caps := map[string]*big.Int{derive.EVM: r.maxFeePerGas, derive.BTC: r.maxSatPerVB, derive.Solana: r.maxLamports}
	return r.maxFee != nil || r.allKeys.fees() || caps[chainType] != nil || r.maxFeePercent != nil && r.oneAsset() == coin
}

// amount is an amount of the rule's one asset.
func (r *rule) amount(n *big.Int) string {
	if r.oneAsset() == coin {
		return r.coins(n)
	}
	return grouped(n) + " base units"
}

// coins is an amount of the coin of the rule's one chain type.
func (r *rule) coins(n *big.Int) string { return inCoins(r.chains[0].chainType, n) }

// inCoins is an amount of a chain type's coin, in base units and in coins.
func inCoins(chainType string, n *big.Int) string {
	unit, decimals := coinOf(chainType)
	whole, part := new(big.Int).QuoRem(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil), new(big.Int))
	digits := strings.TrimRight(fmt.Sprintf("%0*d", decimals, part), "0")
	s := whole.String()
	if digits != "" {
		s += "." + digits
	}
	return fmt.Sprintf("%s %s (%s coins)", grouped(n), unit, s)
}

// grouped writes a number with underscores between groups of three digits, as the file may have it.
func grouped(n *big.Int) string {
	s := n.String()
	var groups []string
	for len(s) > 3 {
		groups = append([]string{s[len(s)-3:]}, groups...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, groups...), "_")
}
