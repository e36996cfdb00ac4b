package strategy

import (
	"regexp"
	"slices"
	"strings"

	"coffer.internal/internal/fault"
)

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// maxName is how long a name may be.
const maxName = 40

// CheckName says whether a name has the form of a strategy's name. Whether anybody knows it is the program's affair.
func CheckName(name string) bool { return len(name) <= maxName && nameForm.MatchString(name) }

// Set is the strategies that a program knows, by name.
type Set struct{ byName map[string]Strategy }

// NewSet is the built-in strategies and a program's own. A name that is taken or malformed is a fault.Usage.
func NewSet(own ...Strategy) (Set, error) {
	s := Set{byName: map[string]Strategy{}}
	for _, b := range BuiltIn() {
		s.byName[b.Name()] = b
	}
	for i, o := range own {
		if o == nil {
			return Set{}, fault.New(fault.Usage, "bad_strategy", "leave it out", "strategy %d of the program's own is nil", i)
		}
		name := o.Name()
		if !CheckName(name) {
			return Set{}, fault.New(fault.Usage, "bad_strategy", "use lower-case letters, digits and single hyphens, 40 at most, as in newest-first",
				"%q cannot be the name of a strategy", name)
		}
		if _, taken := s.byName[name]; taken {
			return Set{}, fault.New(fault.Usage, "bad_strategy", "give it another name", "there are two strategies %q", name)
		}
		s.byName[name] = named{o, name}
	}
	return s, nil
}

// named keeps the name that a strategy was checked under: a foreign Name is asked once.
type named struct {
	Strategy
	name string
}

func (n named) Name() string { return n.name }

// Lookup finds a strategy by its name.
func (s Set) Lookup(name string) (Strategy, bool) {
	found, ok := s.byName[name]
	return found, ok
}

// Names are the names in the set, in order.
func (s Set) Names() []string {
	names := make([]string, 0, len(s.byName))
	for name := range s.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// String lists the names for a person.
func (s Set) String() string { return strings.Join(s.Names(), ", ") }
