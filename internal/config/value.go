package config

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"coffer.internal/internal/fault"
)

func (f *file) bad(key, hint, format string, args ...any) error {
	return fault.New(fault.Usage, "bad_config", hint, f.path+": "+key+" = "+format, args...)
}

func (f *file) integer(key string, value *int64, preset, low, high int64) (int, error) {
	if value == nil {
		return int(preset), nil
	}
	if *value < low || *value > high {
		return 0, f.bad(key, hintTemplate, "%d must be from %d to %d", *value, low, high)
	}
	return int(*value), nil
}

func (f *file) duration(key string, value *string, preset, low, high time.Duration) (time.Duration, error) {
	if value == nil {
		return preset, nil
	}
	d, err := time.ParseDuration(*value)
	if err != nil {
		return 0, f.bad(key, hintTemplate, `%q must be a duration, as in "60s", "500ms" or "1h30m"`, *value)
	}
	if d < low || d > high {
		return 0, f.bad(key, hintTemplate, "%q must be from %s to %s", *value, low, high)
	}
	return d, nil
}

// serviceKey is the path of the service key, absolute.
func (f *file) serviceKey(home string) (string, error) {
	path := defaultServiceKey
	if f.ServiceKey != nil {
		path = *f.ServiceKey
	}
	if path == "" || strings.Contains(path, "://") {
		return "", f.bad("service_key", "write a path, as in \"service.key\"; if there is no file, nothing is signed", "%q is not a file", RedactURL(path))
	}
	return in(home, path), nil
}

// checkDatabase checks a database and makes the path of a file absolute.
func checkDatabase(s source) (string, error) {
	const hint = "write sqlite:PATH or postgres://USER@HOST/NAME"
	scheme, rest, found := strings.Cut(s.value, ":")
	switch {
	case scheme == "sqlite" && found && rest != "" && rest != ":memory:":
		return s.absolute("sqlite:", rest)
	case isPostgres(scheme) && strings.HasPrefix(rest, "//"):
		if _, err := url.Parse(s.value); err == nil {
			return s.value, nil
		}
	}
	return "", fault.New(fault.Usage, "bad_config", hint, "%s = %q is not a database that coffer can use", s.name, RedactURL(s.value))
}

// checkSigner checks where the signing machine listens, and makes the path of a socket absolute.
func checkSigner(s source) (string, error) {
	scheme, rest, found := strings.Cut(s.value, ":")
	switch {
	case scheme == "unix" && found && rest != "":
		return s.absolute("unix:", rest)
	case scheme == "https":
		u, err := url.Parse(s.value)
		if err == nil && u.Host != "" && u.User == nil && u.RawQuery == "" && (u.Path == "" || u.Path == "/") {
			return s.value, nil
		}
	}
	return "", fault.New(fault.Usage, "bad_config", "write unix:PATH or https://HOST:PORT", "%s = %q is not where a signing machine can listen", s.name, RedactURL(s.value))
}

// signerFiles are the files of mutual TLS; a relative path begins at the home.
func (f *file) signerFiles(home string) (s SignerFiles, err error) {
	for _, x := range []struct {
		key, preset string
		value       *string
		to          *string
	}{
		{"signer_ca", defaultSignerCA, f.SignerCA, &s.CA}, {"signer_cert", defaultSignerCert, f.SignerCert, &s.Cert}, {"signer_key", defaultSignerKey, f.SignerKey, &s.Key},
	} {
		from := f.source(x.key, x.value, x.preset, home)
		if from.value == "" || strings.HasPrefix(from.value, "-----BEGIN") {
			return s, f.bad(x.key, "write the path of a file", "%q is not the path of a PEM file", "")
		}
		if *x.to, err = from.absolute("", from.value); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s source) absolute(scheme, path string) (string, error) {
	if !filepath.IsAbs(path) && s.base != "" {
		return scheme + filepath.Join(s.base, path), nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fault.Wrap(err, nil, "bad_config", "write an absolute path", "%s = %q", s.name, scheme+path)
	}
	return scheme + abs, nil
}

func checkURL(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Hostname() != "" && strings.TrimSpace(s) == s && slices.Contains(schemes, u.Scheme)
}
