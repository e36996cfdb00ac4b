package wallet

import (
	"context"
	"fmt"
	"regexp"

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
	// Device and Path name the key of a wallet whose signing machine is not reachable from here, as that machine prints them. Both, or
	// neither: then the reachable machine is asked.
	Device, Path string
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
// With Device and Path nothing is taken from the machine: the key is that device's, at that path, and only what that device signs is
// ever sent for the wallet. If the reachable machine answers that it holds the key itself, and that differs, it is a fault.Refused.
//
// Existed is as in CreateHot; device and path are compared only if the request names them.
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
	if err := q.checkKey(); err != nil {
		return Wallet{}, false, err
	}
	want := order{Wallet: Wallet{Address: address, ChainType: q.ChainType, ChainID: q.ChainID, Type: q.Type, Nonce: q.Nonce}}
	err = r.findKey(ctx, &want.Wallet)
	if err == nil && q.Device != "" {
		err, want.keyed = want.Wallet.name(q.Device, q.Path), true
	}
	if err != nil {
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

// checkKey wants device and path in the form in which a signing machine prints them.
func (q InternalRequest) checkKey() error {
	const hint = "take both as coffer-signer key prints them"
	switch {
	case (q.Device == "") != (q.Path == ""):
		return fault.New(fault.Usage, "device_and_path", hint, "device and path go together: one names the machine, the other its key")
	case q.Device != "" && !deviceForm.MatchString(q.Device):
		return fault.New(fault.Usage, "bad_device", hint, "%q is no device: SHA256: and 43 characters of base64", clipped(q.Device))
	case q.Path != "" && !pathForm.MatchString(q.Path):
		return fault.New(fault.Usage, "bad_path", hint, "%q is no derivation path, as in m/44'/60'/1'/0/0", clipped(q.Path))
	case q.Device != "" && q.Type == Multisig:
		return fault.New(fault.Usage, "multisig_has_no_key", "leave --device and --path out", "a multisig wallet has no key of one machine")
	}
	return nil
}

var (
	deviceForm = regexp.MustCompile(`^SHA256:[A-Za-z0-9+/]{43}$`)
	pathForm   = regexp.MustCompile(`^m(/[0-9]{1,10}'?){1,10}$`)
)

// clipped shows the beginning of what somebody typed.
func clipped(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func checkNonce(n uint64) error {
	if n > signing.MaxNonce {
		return fault.New(fault.Usage, "nonce_too_high", fmt.Sprintf("the highest is 2^53 = %d", uint64(signing.MaxNonce)), "nonce %d is above 2^53", n)
	}
	return nil
}
