package withdrawal

// maxCalls is how many calls apart makes at most.
const maxCalls = 40

// apart asks f about all items. Where f can answer only all or none, one item that nobody can answer about would hold up all
// others; so then it is asked about each half, and so on, until such items stand alone. For each item there is an answer or
// an error.
func apart[I, O any](items []I, f func([]I) ([]O, error)) ([]O, []error) {
	answers, errs := make([]O, len(items)), make([]error, len(items))
	calls := 0
	var try func(from, to int)
	try = func(from, to int) {
		if from == to {
			return
		}
		calls++
		got, err := f(items[from:to])
		if err == nil {
			copy(answers[from:to], got)
			return
		}
		if to-from == 1 || calls >= maxCalls {
			for i := from; i < to; i++ {
				errs[i] = err
			}
			return
		}
		middle := (from + to) / 2
		try(from, middle)
		try(middle, to)
	}
	try(0, len(items))
	return answers, errs
}

// nobody is the error if there was no answer about any item: then it is not about the items.
func nobody(errs []error) error {
	var first error
	for _, err := range errs {
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}
