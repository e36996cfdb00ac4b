package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"coffer.internal/internal/operators"
)

// Settings are what a coffer.toml says, for officers to sign for (docs/operators.md): its values, whatever its comments, its white space and
// its order of keys; not what is built in, and not what flags or the environment say over it. A file that is not there says what an empty one
// does. A Config that a program filled in itself has none.
type Settings struct {
	// Digest is the SHA-256, in hex, of a line with the version and of the values as JSON, keys sorted. It is over what is secret too: who knows
	// it and the view can try out guesses, so a password has to be a long random one.
	Digest string
	// View is what may be shown, a line "key = value" for each key, sorted. Of a URL that holds what may be secret there is scheme and host (of a
	// database, user and name too), and a fingerprint of the whole, so that one sees that it changed.
	View []string
}

// settingsVersion begins what is digested.
const settingsVersion = "coffer settings v1\n"

// settings of a decoded document.
func settings(values map[string]any) (Settings, error) {
	text, err := canonical(values)
	if err != nil {
		return Settings{}, err
	}
	sum := sha256.Sum256(append([]byte(settingsVersion), text...))
	s := Settings{Digest: hex.EncodeToString(sum[:])}
	if err := s.show("", "", values); err != nil {
		return Settings{}, err
	}
	slices.Sort(s.View)
	return s, nil
}

// canonical is the one encoding of a value: JSON on one line, keys sorted.
func canonical(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode what coffer.toml says: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// show adds the lines of a value. key is its whole name, last the last name of a table's key in it.
func (s *Settings) show(key, last string, v any) error {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if err := s.show(strings.TrimPrefix(key+"."+name, "."), name, v[name]); err != nil {
				return err
			}
		}
		if len(v) > 0 || key == "" {
			return nil
		}
	case []any:
		for i, one := range v {
			if err := s.show(fmt.Sprintf("%s[%d]", key, i), last, one); err != nil {
				return err
			}
		}
		if len(v) > 0 {
			return nil
		}
	}
	shown, hides := v, ""
	if text, ok := v.(string); ok {
		shown, hides = showable(key, last, text)
	}
	text, err := canonical(shown)
	s.View = append(s.View, key+" = "+string(text)+hides)
	return err
}

// notShown stands before the fingerprint of a value that is not shown whole.
const notShown = " [not shown: "

// showable is a text as it may be shown, and, if that is not all of it, a fingerprint of the whole. It is of 64 bits: enough that nobody finds
// another value with the same one.
func showable(key, last, text string) (shown, hides string) {
	if last == "recipients" || !strings.Contains(text, "://") && !slices.Contains(secretKeys, last) {
		return text, ""
	}
	if shown = RedactURL(text); shown == text || text == "" {
		return text, ""
	}
	sum := sha256.Sum256([]byte(settingsVersion + key + "\n" + text))
	return shown, notShown + hex.EncodeToString(sum[:8]) + "]"
}

// SettingsChanges is what differs between two views, by key.
func SettingsChanges(before, after []string) []operators.Change {
	was, is := byKey(before), byKey(after)
	all := maps.Clone(was)
	maps.Copy(all, is)
	var changes []operators.Change
	for _, key := range slices.Sorted(maps.Keys(all)) {
		c := operators.Change{Subject: key, Before: was[key], After: is[key]}
		if c.Before == c.After {
			continue
		}
		if hiding(c.Before) == hiding(c.After) {
			c.After += " (differs in what is not shown)"
		}
		if c.After == "" {
			c.After = "not set"
		}
		changes = append(changes, c)
	}
	return changes
}

// hiding is a value without the fingerprint of what is not shown.
func hiding(value string) string {
	shown, _, _ := strings.Cut(value, notShown)
	return shown
}

func byKey(view []string) map[string]string {
	values := make(map[string]string, len(view))
	for _, line := range view {
		key, value, _ := strings.Cut(line, " = ")
		values[key] = value
	}
	return values
}
