package auditlog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"coffer.internal/internal/allcpus"
	"coffer.internal/internal/operators"
	"coffer.internal/internal/store"
)

// Finding is one thing that is not as it was sealed.
type Finding struct {
	Kind  string `json:"kind"`         // edited, deleted, reordered, inserted, truncated, replaced, unsigned, forged
	Entry int64  `json:"entry"`        // of the log; -1: about none
	To    int64  `json:"to,omitempty"` // the last of a range of entries that begins with Entry
	RowID int64  `json:"row_id"`       // of the audit row; 0: about none
	Text  string `json:"text"`
}

// The kinds of findings.
const (
	Edited    = "edited"    // the row is another one than was sealed
	Deleted   = "deleted"   // the row of the entry is gone
	Reordered = "reordered" // the row stands at another entry than it was sealed at
	Inserted  = "inserted"  // a row that was never sealed, and does not wait to be
	Truncated = "truncated" // the log ends before a checkpoint's last entry: its end was taken off, or an older database was put back
	Replaced  = "replaced"  // rows and tree agree with each other, and not with a checkpoint: both were written anew
	Forged    = "forged"    // a row that says that operators signed for it, and they did not; an operator for whom no officer signed
	Unsigned  = "unsigned"  // a checkpoint in the database that nobody with a known key signed
)

// Verdict is what a verification found.
type Verdict struct {
	Entries  int64     // that were compared
	Against  int       // checkpoints that they were compared with
	Unsealed int       // committed rows that no checkpoint covers yet
	Oldest   time.Time // when the oldest of these was written; zero if there is none
	Findings []Finding // empty: all is as it was sealed
}

const (
	entriesAtOnce = 10_000
	maxFindings   = 100
)

// Verify compares all audit rows with the tree, and the tree with checkpoints: those that were kept elsewhere (held), and those in the
// database that one of the keys signed. It trusts nothing in the database but signatures. What operators signed is checked against their keys.
func Verify(ctx context.Context, db store.DB, held []Checkpoint, keys ...note.Verifier) (v Verdict, err error) {
	ledger, err := db.Ledger(ctx)
	if err != nil {
		return v, err
	}
	err = db.View(ctx, func(r store.Reader) error {
		v = Verdict{}
		w := verification{r: r, held: held, out: &v, ledger: ledger}
		if w.named, err = r.Operators(ctx); err != nil {
			return err
		}
		if err := w.heads(ctx, keys); err != nil {
			return err
		}
		if err := w.entries(ctx); err != nil {
			return err
		}
		if err := w.compare(ctx); err != nil {
			return err
		}
		return w.rest(ctx)
	})
	return v, err
}

// verification is one walk over the log.
type verification struct {
	r     store.Reader
	held  []Checkpoint
	out   *Verdict
	wants []Checkpoint // what is compared, smallest first
	bad   []Checkpoint // those that the rows do not lead to
	good  int64        // the size of the greatest that they do lead to, below the first bad one
	tree  compact
	gap   bool // an entry in the midst is gone

	ledger string
	named  []store.Operator // all operators that there ever were
	naming []store.AuditRow // how they were named

	settled []store.AuditRow // how settings were accepted
}

func (w *verification) find(f Finding) {
	if len(w.out.Findings) < maxFindings {
		w.out.Findings = append(w.out.Findings, f)
	}
}

// heads gathers the checkpoints.
func (w *verification) heads(ctx context.Context, keys []note.Verifier) error {
	w.wants = slices.Clone(w.held)
	all, err := w.r.AuditCheckpoints(ctx, 0, 0)
	if err != nil {
		return err
	}
	opened := make([]*Checkpoint, len(all)) // a log of years has millions, and each is a signature to check
	allcpus.Do(len(all), func(i int) {
		if c, err := OpenCheckpoint([]byte(all[i].Note), keys...); err == nil && c.Size == all[i].Size {
			opened[i] = &c
		}
	})
	for i, c := range opened {
		if c == nil {
			w.find(Finding{Kind: Unsigned, Entry: -1, Text: fmt.Sprintf("the checkpoint of %d entries in the database is not signed with the key that was given", all[i].Size)})
			continue
		}
		w.wants = append(w.wants, *c)
	}
	slices.SortStableFunc(w.wants, func(a, b Checkpoint) int { return int(a.Size - b.Size) })
	w.out.Against = len(w.wants)
	return nil
}

// entries walks over all entries, and notes where the rows do not lead to a checkpoint's root.
func (w *verification) entries(ctx context.Context) error {
	next := 0
	pass := func() {
		for ; next < len(w.wants) && w.wants[next].Size <= w.tree.size; next++ {
			switch c := w.wants[next]; {
			case c.Root != w.tree.root():
				w.bad = append(w.bad, c)
			case len(w.bad) == 0:
				w.good = c.Size
			}
		}
	}
	read, stop := w.pages(ctx)
	defer stop()
	for {
		page, err := read()
		if err != nil {
			return err
		}
		hashes := hashAll(page)
		for _, e := range page {
			w.signed(e.Row, e.Entry)
		}
		for i, e := range page {
			if e.Entry != w.tree.size { // nothing after it is at its place
				w.gap = true
				w.find(Finding{Kind: Deleted, Entry: w.tree.size, Text: fmt.Sprintf("entry %d is gone from the tree itself", w.tree.size)})
				break
			}
			w.tree.add(hashes[i])
			pass()
		}
		w.out.Entries = w.tree.size
		if len(page) < entriesAtOnce || w.gap {
			break
		}
	}
	if next < len(w.wants) && !w.gap {
		last := w.wants[len(w.wants)-1]
		w.find(Finding{
			Kind: Truncated, Entry: w.tree.size, To: last.Size - 1,
			Text: fmt.Sprintf("the log ends with %d entries, and a checkpoint has %d: its end was taken off, or an older database was put back", w.tree.size, last.Size),
		})
	}
	return nil
}

// pages reads all entries, the next ones while those before are looked at. Until stop has returned, nothing else may be read.
func (w *verification) pages(ctx context.Context) (next func() ([]store.AuditEntry, error), stop func()) {
	type read struct {
		page []store.AuditEntry
		err  error
	}
	all, enough := make(chan read), make(chan struct{})
	go func() {
		defer close(all)
		for from, last := int64(0), false; !last; {
			page, err := w.r.AuditEntries(ctx, from, entriesAtOnce)
			if last = err != nil || len(page) < entriesAtOnce; !last {
				from = page[len(page)-1].Entry + 1
			}
			select {
			case all <- read{page, err}:
			case <-enough:
				return
			}
		}
	}()
	return func() ([]store.AuditEntry, error) { r := <-all; return r.page, r.err }, func() {
		close(enough)
		for range all { // until it has ended
		}
	}
}

// signed checks what operators signed for a row.
func (w *verification) signed(row *store.AuditRow, entry int64) {
	if row != nil && operators.Names(*row) {
		w.naming = append(w.naming, *row)
	}
	if row != nil && operators.Settles(*row) {
		w.settled = append(w.settled, *row)
	}
	if row == nil || row.Signed == "" {
		return
	}
	if err := operators.CheckRow(*row, w.ledger, w.named); err != nil {
		w.find(Finding{Kind: Forged, Entry: entry, RowID: row.ID, Text: fmt.Sprintf("audit row %d says that operators signed: %v", row.ID, err)})
	}
}

// hashAll is the leaf hash of each entry's row; zero where the row is gone.
func hashAll(page []store.AuditEntry) []tlog.Hash {
	hashes := make([]tlog.Hash, len(page))
	allcpus.Do(len(page), func(i int) {
		if page[i].Row != nil {
			hashes[i] = leaf(*page[i].Row)
		}
	})
	return hashes
}

// compare says which entries are not as they were sealed: by the tree's own leaves, as long as these lead to the checkpoints; where they do
// not, only between which checkpoints the change is.
func (w *verification) compare(ctx context.Context) error {
	changed, err := w.changed(ctx)
	if err != nil {
		return err
	}
	for _, f := range changed {
		w.find(f)
	}
	if len(w.bad) > 0 && len(changed) == 0 {
		first := w.bad[0]
		w.find(Finding{
			Kind: Replaced, Entry: w.good, To: first.Size - 1,
			Text: fmt.Sprintf("entries %d to %d are not those that the checkpoint of %d entries was signed for, and the tree was written anew to fit them", w.good, first.Size-1, first.Size),
		})
	}
	return nil
}

// changed compares with its leaf in the tree each row that no checkpoint vouches for.
func (w *verification) changed(ctx context.Context) (all []Finding, err error) {
	sealedAt := map[tlog.Hash]int64{} // leaves of the entries that are changed
	type change struct {
		e store.AuditEntry
		h tlog.Hash
	}
	var changes []change
	for from := w.good; from < w.tree.size && len(changes) < maxFindings; from += entriesAtOnce {
		page, err := w.r.AuditEntries(ctx, from, int(min(entriesAtOnce, w.tree.size-from)))
		if err != nil {
			return nil, err
		}
		indexes := make([]int64, len(page))
		for i, e := range page {
			indexes[i] = tlog.StoredHashIndex(0, e.Entry)
		}
		sealed, err := Nodes(ctx, w.r).ReadHashes(indexes)
		if err != nil {
			return nil, err
		}
		for i, h := range hashAll(page) {
			if h != sealed[i] {
				changes = append(changes, change{page[i], h})
				sealedAt[sealed[i]] = page[i].Entry
			}
		}
	}
	for _, c := range changes {
		f := Finding{Kind: Edited, Entry: c.e.Entry, RowID: c.e.RowID, Text: fmt.Sprintf("entry %d (audit row %d) is not the row that was sealed", c.e.Entry, c.e.RowID)}
		if at, ok := sealedAt[c.h]; ok && c.e.Row != nil {
			f.Kind, f.Text = Reordered, fmt.Sprintf("entry %d holds the row that was sealed as entry %d", c.e.Entry, at)
		}
		if c.e.Row == nil {
			f.Kind, f.Text = Deleted, fmt.Sprintf("the row of entry %d (audit row %d) is gone", c.e.Entry, c.e.RowID)
		}
		all = append(all, f)
	}
	return all, nil
}

// rest looks at the rows outside of the tree.
func (w *verification) rest(ctx context.Context) error {
	strays, err := w.r.Strays(ctx, maxFindings)
	if err != nil {
		return err
	}
	for _, id := range strays {
		w.find(Finding{Kind: Inserted, Entry: -1, RowID: id, Text: fmt.Sprintf("audit row %d was never sealed, and does not wait to be: it was put in by hand", id)})
	}
	waiting, err := w.r.Unsealed(ctx, entriesAtOnce)
	if err != nil {
		return err
	}
	for _, row := range waiting {
		w.signed(&row, -1)
	}
	if err := operators.CheckNamed(w.naming, w.ledger, w.named); err != nil {
		w.find(Finding{Kind: Forged, Entry: -1, Text: err.Error()})
	}
	all, err := w.r.Settings(ctx)
	if err != nil {
		return err
	}
	if err := operators.CheckSettings(w.settled, w.ledger, w.named, all); err != nil {
		w.find(Finding{Kind: Forged, Entry: -1, Text: err.Error()})
	}
	tree, err := w.r.AuditTree(ctx)
	w.out.Unsealed, w.out.Oldest = tree.Unsealed, tree.OldestUnsealed
	return err
}

// compact is a Merkle tree of which only the roots of its complete subtrees are kept, largest first.
type compact struct {
	size  int64
	roots []tlog.Hash
}

func (c *compact) add(leaf tlog.Hash) {
	h := leaf
	for n := c.size; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(c.roots[len(c.roots)-1], h)
		c.roots = c.roots[:len(c.roots)-1]
	}
	c.roots = append(c.roots, h)
	c.size++
}

func (c *compact) root() tlog.Hash {
	h := c.roots[len(c.roots)-1]
	for _, left := range slices.Backward(c.roots[:len(c.roots)-1]) {
		h = tlog.NodeHash(left, h)
	}
	return h
}
