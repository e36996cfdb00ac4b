package signing

import "time"

// pinPrefix begins what is signed in a pin of this version.
const pinPrefix = "coffer-policy-pin-1"

// PinStatement is what a machine's identity key signs when a policy is installed there: device, hash of the policy, when, and by whom.
func PinStatement(device, hash string, at time.Time, by string) []byte {
	return encodeStatement(pinPrefix, device, hash, seconds64(at), by)
}
