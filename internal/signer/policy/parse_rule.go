package policy

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"coffer.internal/signing"
)

// purposeWords are the purposes as the file names them.
var purposeWords = map[string]signing.Purpose{
	"withdraw": signing.PurposePayment, "sweep": signing.PurposeSweep, "cancel": signing.PurposeCancel, "gap_fill": signing.PurposeGapFill,
}

// wordOf is a purpose as the file names it.
func wordOf(p signing.Purpose) string {
	for word, purpose := range purposeWords {
		if purpose == p {
			return word
		}
	}
	return string(p)
}

// addRule reads the n-th rule and takes it behind those before it.
func (p *Policy) addRule(n int, t ruleTable) error {
	name, err := readName("rule", n, t.Name)
	if err != nil {
		return err
	}
	r := &rule{name: name}
	for _, step := range []func(*Policy, ruleTable) string{r.readPurposes, r.readLists, r.readWants, r.readCaps, r.readLimits, r.contradiction} {
		if why := step(p, t); why != "" {
			return bad("rule %q: %s", name, why)
		}
	}
	for m, before := range p.rules {
		if before.name == name {
			return bad("two rules are called %q", name)
		}
		if before.covers(r) {
			return bad("rule %q can never decide: rule %q (the %s of the file) takes all its cases first; put the narrower one above", name, before.name, ordinal(m+1))
		}
	}
	p.rules = append(p.rules, r)
	return nil
}

func ordinal(n int) string {
	switch {
	case n%100/10 != 1 && n%10 == 1:
		return fmt.Sprint(n, "st")
	case n%100/10 != 1 && n%10 == 2:
		return fmt.Sprint(n, "nd")
	case n%100/10 != 1 && n%10 == 3:
		return fmt.Sprint(n, "rd")
	}
	return fmt.Sprint(n, "th")
}

// readPurposes reads what the rule is for: one thing that pays, or what mends.
func (r *rule) readPurposes(_ *Policy, t ruleTable) string {
	if why := listed("purposes", t.Purposes); why != "" {
		return why
	}
	mends := 0
	for _, word := range t.Purposes {
		purpose, ok := purposeWords[word]
		if !ok {
			return fmt.Sprintf("purposes: %q is not \"withdraw\", \"sweep\", \"cancel\" or \"gap_fill\"", word)
		}
		if purpose == signing.PurposeCancel || purpose == signing.PurposeGapFill {
			mends++
		}
		r.purposes = append(r.purposes, purpose)
	}
	if len(r.purposes) > 1 && mends != len(r.purposes) {
		return fmt.Sprintf("purposes %q do not go together: \"withdraw\" and \"sweep\" each want a rule of their own; only \"cancel\" and \"gap_fill\" may share one", t.Purposes)
	}
	return ""
}

// listed wants a list to name something, and nothing twice.
func listed(name string, list []string) string {
	if len(list) == 0 {
		return name + " names nothing"
	}
	for n, s := range list {
		if slices.Contains(list[:n], s) {
			return fmt.Sprintf("%s: %q stands there twice", name, s)
		}
	}
	return ""
}

// readLists reads which keys, chains, assets and destinations the rule is about.
func (r *rule) readLists(_ *Policy, t ruleTable) string {
	if why := r.readChains(t.Chains); why != "" {
		return why
	}
	if t.Keys == nil && t.Accounts == nil {
		return "it says neither keys nor accounts"
	}
	if t.Accounts != nil {
		if why := listed("accounts", t.Accounts); why != "" {
			return why
		}
		for _, a := range t.Accounts {
			if !slices.Contains(accounts, a) {
				return fmt.Sprintf("accounts: %q is not \"hot\", \"cold\" or \"vault\"", a)
			}
		}
		r.accounts = t.Accounts
	}
	if t.Keys != nil {
		if why := r.fits("keys", t.Keys, chain.hasAddress); why != "" {
			return why
		}
		r.keys = t.Keys
	}
	if why := r.readAssets(t.Assets); why != "" {
		return why
	}
	if !r.sweeps() {
		if t.To != nil {
			return "to belongs to sweep: a withdrawal goes where its authorization says, cancel and gap_fill to their own wallet"
		}
		return ""
	}
	r.to = t.To
	return r.fits("to", t.To, chain.hasAddress)
}

func (r *rule) readChains(list []string) string {
	if why := listed("chains", list); why != "" {
		return why
	}
	for _, s := range list {
		c, why := readChain(s)
		if why != "" {
			return "chains: " + why
		}
		if i := slices.IndexFunc(r.chains, func(d chain) bool { return d.covers(c) || c.covers(d) }); i >= 0 {
			return fmt.Sprintf("chains: one of %q and %q is in the other", r.chains[i], s)
		}
		r.chains = append(r.chains, c)
	}
	return ""
}

// fits wants each of a list to be something on one of the rule's chains, and each chain to have one of the list.
func (r *rule) fits(name string, list []string, has func(chain, string) bool) string {
	if why := listed(name, list); why != "" {
		return why
	}
	for _, s := range list {
		if !slices.ContainsFunc(r.chains, func(c chain) bool { return has(c, s) }) {
			return fmt.Sprintf("%s: %q is nothing on %s: an address is written in its one usual form (EIP-55, bech32 in lower case, base58)", name, s, r.chainText())
		}
	}
	for _, c := range r.chains {
		if !slices.ContainsFunc(list, func(s string) bool { return has(c, s) }) {
			return fmt.Sprintf("%s names nothing on %s, so the rule could permit nothing there", name, c)
		}
	}
	return ""
}

func (r *rule) chainText() string {
	var all []string
	for _, c := range r.chains {
		all = append(all, c.String())
	}
	return strings.Join(all, ", ")
}

func (r *rule) readAssets(list []string) string {
	if !r.pays() {
		if list != nil {
			return "assets belong to withdraw and sweep: cancel and gap_fill move none"
		}
		return ""
	}
	if slices.Contains(list, anyAsset) && len(list) > 1 {
		return "assets: \"*\" is every asset, so nothing stands beside it"
	}
	r.assets = list
	return r.fits("assets", list, func(c chain, s string) bool { return s == coin || s == anyAsset || c.hasToken(s) })
}

// readWants reads whose authorizations the rule wants.
func (r *rule) readWants(p *Policy, t ruleTable) string {
	switch by := t.AuthorizedBy.(type) {
	case nil:
		if r.purposes[0] == signing.PurposePayment {
			return `it does not say authorized_by: a table such as { service = 1 }, or "nobody"`
		}
	case string:
		if by != "nobody" {
			return fmt.Sprintf("authorized_by = %q is neither a table such as { service = 1 } nor \"nobody\"", by)
		}
	case map[string]any:
		if !r.pays() {
			return "authorized_by: cancel and gap_fill want nobody's authorization"
		}
		if why := r.readNeeds(p, by); why != "" {
			return why
		}
	default:
		return fmt.Sprintf("authorized_by = %v is neither a table such as { service = 1 } nor \"nobody\"", by)
	}
	return r.readOfficers(p, t)
}

func (r *rule) readNeeds(p *Policy, by map[string]any) string {
	if len(by) == 0 {
		return `authorized_by is empty: write "nobody" if that is meant`
	}
	r.needs = map[Role]int{}
	for _, role := range roles {
		v, named := by[string(role)]
		delete(by, string(role))
		if !named {
			continue
		}
		n, ok := v.(int64)
		if !ok || n < 1 {
			return fmt.Sprintf("authorized_by: %s = %v is not a number from 1", role, v)
		}
		if why := p.enough(role, n); why != "" {
			return "authorized_by: " + why
		}
		r.needs[role] = int(n)
	}
	for word := range by {
		return fmt.Sprintf("authorized_by: %q is not \"service\", \"risk\" or \"officer\"", word)
	}
	return ""
}

// enough says why there are not n authorizers of a role.
func (p *Policy) enough(role Role, n int64) string {
	there := int64(0)
	for _, a := range p.authorizers {
		if a.Role == role {
			there++
		}
	}
	if there >= n {
		return ""
	}
	return fmt.Sprintf("%d of role %s are wanted, and the file names %d", n, role, there)
}

func (r *rule) readOfficers(p *Policy, t ruleTable) string {
	switch {
	case t.OfficersAbove == nil && t.Officers == nil:
		return ""
	case t.OfficersAbove == nil || t.Officers == nil:
		return "officers_above and officers go together"
	case !r.pays():
		return "officers_above belongs to withdraw and sweep"
	}
	n, why := readAmount(t.OfficersAbove)
	if why != "" {
		return "officers_above " + why
	}
	if r.officers, why = readCount(*t.Officers); why != "" {
		return "officers " + why
	}
	if why := p.enough(Officer, *t.Officers); why != "" {
		return "officers: " + why
	}
	r.officersAbove = n
	return ""
}

// named is an amount of the file with the name that it has there.
type named struct {
	name string
	from any
	into **big.Int
}

func readAmounts(all []named) string {
	for _, a := range all {
		if a.from == nil {
			continue
		}
		n, why := readAmount(a.from)
		if why != "" {
			return a.name + " " + why
		}
		*a.into = n
	}
	return ""
}

func (r *rule) readCaps(_ *Policy, t ruleTable) (why string) {
	if t.MaxFeePercent != nil {
		if r.maxFeePercent, why = readPercent(t.MaxFeePercent); why != "" {
			return "max_fee_percent " + why
		}
	}
	return readAmounts([]named{
		{"payment", t.Payment, &r.payment}, {"max_fee", t.MaxFee, &r.maxFee}, {"max_fee_per_gas", t.MaxFeePerGas, &r.maxFeePerGas},
		{"max_sat_per_vb", t.MaxSatPerVB, &r.maxSatPerVB}, {"max_lamports", t.MaxLamports, &r.maxLamports},
	})
}

func (r *rule) readLimits(_ *Policy, t ruleTable) string {
	if why := r.eachKey.read("each_key", t.EachKey); why != "" {
		return why
	}
	return r.allKeys.read("all_keys", t.AllKeys)
}

func (l *limits) read(name string, t *limitTable) (why string) {
	if t == nil {
		return ""
	}
	for _, c := range []struct {
		name string
		from *int64
		into *int
	}{{"hour_count", t.HourCount, &l.hourCount}, {"day_count", t.DayCount, &l.dayCount}} {
		if c.from == nil {
			continue
		}
		if *c.into, why = readCount(*c.from); why != "" {
			return name + "." + c.name + " " + why
		}
	}
	why = readAmounts([]named{
		{name + ".hour", t.Hour, &l.hour}, {name + ".day", t.Day, &l.day}, {name + ".fee_hour", t.FeeHour, &l.feeHour}, {name + ".fee_day", t.FeeDay, &l.feeDay},
	})
	if why == "" && !l.any() {
		why = name + " says no limit"
	}
	return why
}
