package operators

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/store"
)

// Change is one thing that an act changes, in words.
type Change struct {
	Subject string `json:"subject"`
	Before  string `json:"before"`
	After   string `json:"after"`
}

// EncodePreview is how a proposal keeps what it changes.
func EncodePreview(all []Change) string { return string(line(all)) }

// DecodePreview reads what EncodePreview writes.
func DecodePreview(text string) (all []Change, err error) {
	if err := strict([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("read a proposal's preview: %w", err)
	}
	return all, nil
}

// Digest is what the signatures under a proposal are over: the act with all its rows, why, and what it changes.
func Digest(a Act, reason string, preview []Change) string {
	sum := sha256.Sum256(line([]any{string(a.Full()), reason, preview}))
	return hex.EncodeToString(sum[:])
}

// Approval is what is known when somebody approves a proposal.
type Approval struct {
	Proposal store.Proposal
	Named    []store.Operator
	Now      time.Time
	By       store.Operator
	Alone    bool // he breaks the glass
}

// Check says whether the approval is one. It has no effects.
func (a Approval) Check() error {
	p := a.Proposal
	switch {
	case p.State != store.ProposalOpen:
		return fault.New(fault.Refused, "proposal_ended", "coffer approve lists the open ones", "proposal %d is %s already, by %s", p.ID, p.State, p.EndedBy)
	case !a.Now.Before(p.ExpiresAt):
		return fault.New(fault.Refused, "proposal_expired", "have it proposed anew", "proposal %d ran out on %s", p.ID, p.ExpiresAt.Format(time.RFC3339))
	case !a.Alone && a.By.Name == p.Maker:
		return fault.New(fault.NotAllowed, "own_proposal", "have another officer approve it", "%s made proposal %d: it takes a second person", p.Maker, p.ID)
	case !slices.ContainsFunc(a.Named, func(o store.Operator) bool { return o.Fingerprint == p.MakerKey && o.RevokedAt.IsZero() }):
		return fault.New(fault.Refused, "maker_revoked", "have it proposed anew, by somebody whose key is good", "the key by which %s made proposal %d was revoked since", p.Maker, p.ID)
	}
	return Allowed(a.By, Approve, "")
}

// CheckDigest says whether what the proposal would change now, preview, is what its maker signed, and that it was he who signed.
func (a Approval) CheckDigest(act Act, preview []Change) error {
	p := a.Proposal
	if Digest(act, p.Reason, preview) != p.Digest {
		return fault.New(fault.Refused, "proposal_changed", "have it proposed anew; what it would change now: say the command that it stands for",
			"what proposal %d is about changed since it was made", p.ID)
	}
	makers, err := DecodeSigned(p.Signed)
	if err != nil {
		return badProposal(p, err)
	}
	st, o, err := makers[0].by(a.Named)
	if err == nil && (o.Fingerprint != p.MakerKey || st.Purpose != Propose || st.Proposal == nil || st.Proposal.Digest != p.Digest || !bytes.Equal(st.Act, act.Brief())) {
		err = errors.New("he signed something else")
	}
	if err != nil {
		return badProposal(p, err)
	}
	return nil
}

func badProposal(p store.Proposal, err error) error {
	return fault.Wrap(err, fault.Refused, "bad_proposal", "coffer audit verify", "proposal %d was changed by hand: it is not what %s signed", p.ID, p.Maker)
}
