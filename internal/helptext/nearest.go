package helptext

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"coffer.internal/internal/fault"
)

// UnknownVerb refuses arguments where a verb is wanted, and names the nearest verb.
func UnknownVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var verbs []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			verbs = append(verbs, c.Name())
		}
	}
	hint := cmd.CommandPath() + " --help"
	if near := nearest(args[0], verbs); near != "" {
		hint = "did you mean `" + cmd.CommandPath() + " " + near + "`?"
	}
	return fault.New(fault.Usage, "unknown_command", hint, "unknown command %q", args[0])
}

// FlagError names the flag nearest to one that there is not, the long one for a word behind a single dash too. A number with a
// sign is no flag, and said to be what it is.
func FlagError(cmd *cobra.Command, err error) error {
	hint := cmd.CommandPath() + " --help"
	if unknown := (*pflag.NotExistError)(nil); errors.As(err, &unknown) {
		if number := unknown.GetSpecifiedShortnames(); number != "" && strings.Trim(number, "0123456789.") == "" {
			return fault.New(fault.Usage, "usage", hint, "-%s is negative: no argument of %s can be", number, cmd.CommandPath())
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		if near := nearest(max(unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames()), names); near != "" {
			hint = "did you mean --" + near + "? " + hint
		}
	}
	return fault.New(fault.Usage, "usage", hint, "%s", err.Error())
}

// nearest is the name that a word was probably meant to be, or nothing: at most three letters differ and less than half of
// them, or the word begins the name.
func nearest(word string, names []string) string {
	best, least := "", min(3, len(word)/2)+1
	for _, name := range names {
		d := distance(strings.ToLower(word), name)
		if strings.HasPrefix(name, strings.ToLower(word)) {
			d = min(d, 1)
		}
		if d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is how many letters must be put in, taken out or changed (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			corner, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, corner+cost)
		}
	}
	return row[len(b)]
}
