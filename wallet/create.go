package wallet

import (
	"context"
	"fmt"

	"coffer.internal/internal/fault"
	"coffer.internal/signing"
)

// HotRequest asks for a hot wallet with a key of the signing machine.
type HotRequest struct {
	ChainType ChainType
	ChainID   int64
	// SameKeyAs is the address of a registered EVM wallet whose key a signing machine holds: the new wallet has the same key,
	// on another chain. No machine is asked.
	SameKeyAs string
	// Ref is a name of your own for the key: the same ref gets the same key, so the request may be repeated. Empty: a new key
	// each time.
	Ref string
	// Nonce is the first nonce to hand out; those below it count as spent by something else. At most signing.MaxNonce.
	Nonce uint64
}

// InternalRequest asks for a wallet with a given address to be registered.
type InternalRequest struct {
	Address   string
	ChainType ChainType
	ChainID   int64
	Type      Type
	Nonce     uint64 // as in HotRequest
}

// CreateHot registers a hot wallet with a new key of the signing machine, bound to this ledger, or with the key that the
// request names.
//
// Existed is true if such a wallet was registered before, with the same content; its cursor may have moved since. One with
// other content is a fault.Refused that names its row. Without a signing machine, or if it does not answer, it is a
// fault.Unreachable and nothing was written; the machine may have made a key, which a Ref finds again.
func (r *Registry) CreateHot(ctx context.Context, q HotRequest) (w Wallet, existed bool, err error) {
	if err := q.check(); err != nil {
		return Wallet{}, false, err
	}
	want := order{Wallet: Wallet{ChainType: q.ChainType, ChainID: q.ChainID, Type: Hot, Nonce: q.Nonce}, keyed: true}
	if q.SameKeyAs != "" {
		err = r.sameKey(ctx, &want.Wallet, q.SameKeyAs)
	} else {
		err = r.newKey(ctx, &want.Wallet, q.Ref)
	}
	if err != nil {
		if want.Address == "" {
			want.Address = "with a new key"
		}
		return Wallet{}, false, r.refused(ctx, actionCreate, want.Wallet, want.content(), err)
	}
	return r.create(ctx, want)
}

// CreateInternal registers a wallet by its address. If the signing machine holds its key for this ledger, device and path are
// stored too. If there is no machine, or it does not answer, or does not know the address, they stay empty: coffer then takes
// the key to be elsewhere, never pays from the wallet, and its reservations never expire. That is safe, and stays so: register
// a wallet of the signing machine while the machine answers.
//
// Existed is as in CreateHot; device and path are no part of what is compared, because nobody asked for them.
func (r *Registry) CreateInternal(ctx context.Context, q InternalRequest) (w Wallet, existed bool, err error) {
	if _, err := ParseType(string(q.Type)); err != nil {
		return Wallet{}, false, err
	}
	address, err := ParseAddress(q.ChainType, q.ChainID, q.Address)
	if err != nil {
		return Wallet{}, false, err
	}
	if err := checkNonce(q.Nonce); err != nil {
		return Wallet{}, false, err
	}
	want := order{Wallet: Wallet{Address: address, ChainType: q.ChainType, ChainID: q.ChainID, Type: q.Type, Nonce: q.Nonce}}
	if err := r.findKey(ctx, &want.Wallet); err != nil {
		return Wallet{}, false, r.refused(ctx, actionCreate, want.Wallet, want.content(), err)
	}
	return r.create(ctx, want)
}

func (q HotRequest) check() error {
	if err := CheckChainID(q.ChainType, q.ChainID); err != nil {
		return err
	}
	if q.SameKeyAs != "" && q.Ref != "" {
		return fault.New(fault.Usage, "same_key_and_ref", "give --same-key-as or --ref", "the key of another wallet has no ref of its own")
	}
	if q.SameKeyAs != "" && q.ChainType != EVM {
		return fault.New(fault.Usage, "same_key_not_evm", "leave --same-key-as out: a new key is made", "only evm chains can share a key, %s cannot", q.ChainType)
	}
	if q.Ref != "" {
		if err := checkRef(q.Ref); err != nil {
			return err
		}
	}
	return checkNonce(q.Nonce)
}

func checkNonce(n uint64) error {
	if n > signing.MaxNonce {
		return fault.New(fault.Usage, "nonce_too_high", fmt.Sprintf("the highest is 2^53 = %d", uint64(signing.MaxNonce)), "nonce %d is above 2^53", n)
	}
	return nil
}
