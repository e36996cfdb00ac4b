package config

import (
	"net/url"
	"strings"
)

const hidden = "…"

// RedactURL is a URL as it may be shown: without password, without query, and for a node without its path, because keys of
// node providers stand there. What cannot be read as a URL is hidden but for its scheme. Paths of files are shown as they are.
func RedactURL(s string) string {
	scheme, _, found := strings.Cut(s, ":")
	if !found || !isScheme(scheme) {
		return hidden
	}
	switch scheme {
	case "sqlite", "unix":
		return s
	}
	u, err := url.Parse(s)
	// An @ that url.Parse saw no user in front of: a password with / ? or # in it, which would stand in host or path.
	if err != nil || u.Host == "" && u.Path == "" || u.User == nil && strings.Contains(s, "@") {
		return scheme + ":" + hidden
	}
	out := scheme + "://"
	if u.User != nil {
		out += url.User(u.User.Username()).String() + "@"
		if !isPostgres(scheme) {
			out = scheme + "://" + hidden + "@" // some providers put the key where the name belongs
		}
	}
	out += u.Host
	switch {
	case isPostgres(scheme):
		out += u.EscapedPath() // the name of the database
	case u.Path != "" && u.Path != "/":
		out += "/" + hidden
	}
	if u.RawQuery != "" || u.ForceQuery {
		out += "?" + hidden
	}
	return out
}

func isPostgres(scheme string) bool { return scheme == "postgres" || scheme == "postgresql" }

// isScheme says whether s is written as a scheme of a URL is (RFC 3986), and short.
func isScheme(s string) bool {
	return s != "" && len(s) <= 12 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.") == ""
}
