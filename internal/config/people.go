package config

import (
	"regexp"
	"strings"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/operators"
)

// FourEyes says what two people are needed for (docs/operators.md).
type FourEyes struct {
	Verbs operators.Matters // nil: operators.DefaultMatters; empty: nothing
	Valid time.Duration     // how long a proposal may be approved; 0: DefaultValid
}

// DefaultValid is how long a proposal may be approved.
const DefaultValid = 24 * time.Hour

// fourEyesTable is [four_eyes].
type fourEyesTable struct {
	Verbs *[]string `toml:"verbs"`
	Valid *string   `toml:"valid"`
}

// serviceForm is what programs are called.
var serviceForm = regexp.MustCompile(`^[a-z][a-z0-9._-]{0,31}$`)

// people reads who acts, and what two of them are needed for.
func (f *file) people(c *Config) (err error) {
	if f.OperatorKey != nil && *f.OperatorKey != "" {
		if strings.Contains(*f.OperatorKey, "://") {
			return f.bad("operator_key", "write the path of a private key; empty: an ssh-agent signs", "%q is not a file", RedactURL(*f.OperatorKey))
		}
		c.OperatorKey = in(c.Home, *f.OperatorKey)
	}
	if f.Service != nil && *f.Service != "" {
		if c.Service = *f.Service; !serviceForm.MatchString(c.Service) {
			return f.bad("service", `a word such as "payouts": a lower-case letter, then at most 31 of a-z, 0-9, . _ and -`, "%q cannot be the name of a service", c.Service)
		}
	}
	t := f.FourEyes
	if t == nil {
		t = &fourEyesTable{}
	}
	if t.Verbs != nil {
		c.FourEyes.Verbs = operators.Matters{}
		for _, m := range *t.Verbs {
			if err := operators.CheckMatter(m); err != nil {
				return f.bad("four_eyes.verbs", fault.Hint(err), "%s", err)
			}
			c.FourEyes.Verbs = append(c.FourEyes.Verbs, m)
		}
	} else {
		c.FourEyes.Verbs = operators.DefaultMatters
	}
	c.FourEyes.Valid, err = f.duration("four_eyes.valid", t.Valid, DefaultValid, time.Minute, 30*24*time.Hour)
	return err
}
