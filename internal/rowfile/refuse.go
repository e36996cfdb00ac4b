package rowfile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"coffer.internal/internal/fault"
)

// mostListed is how many faults a refusal lists.
const mostListed = 20

// Refuse is the refusal of a whole file for what is wrong in its rows, in the order of their lines; nil if nothing is.
func Refuse(rows int, faults []*Fault) error {
	if len(faults) == 0 {
		return nil
	}
	faults = slices.Clone(faults)
	slices.SortStableFunc(faults, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	first := faults[0]
	if len(faults) == 1 {
		return fault.Wrap(first, fault.Usage, fault.Code(first), fault.Hint(first), "the file is refused, nothing was applied (1 of %s is bad)", plural(rows, "row"))
	}
	var list strings.Builder
	for i, f := range faults {
		if i == mostListed {
			fmt.Fprintf(&list, "\n  and %d more", len(faults)-mostListed)
			break
		}
		fmt.Fprintf(&list, "\n  %s", f)
	}
	return fault.New(fault.Usage, "bad_rows", "mend them and run it again; the first: "+fault.Hint(first), "the file is refused, nothing was applied: %d of %s are bad%s",
		len(faults), plural(rows, "row"), list.String())
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Faults are the faults that the rows have by themselves.
func Faults(rows []Row) []*Fault {
	var faults []*Fault
	for _, r := range rows {
		var f *Fault
		if errors.As(r.Err, &f) {
			faults = append(faults, f)
		}
	}
	return faults
}
