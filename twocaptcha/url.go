package twocaptcha

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxURL keeps a request, its header and body together, within one buffered write.
const maxURL = 1000

// CheckURL returns an error if [NewClient] would refuse text as Options.URL. The error shows no
// more than scheme and host: the rest may hold a password.
func CheckURL(text string) error {
	if _, err := parseURL(text); err != nil {
		return fmt.Errorf("twocaptcha: %w", err)
	}
	return nil
}

// parseURL checks Options.URL. Its errors show no more than scheme and host: the rest may hold a
// password.
func parseURL(text string) (*url.URL, error) {
	if text == "" {
		text = DefaultURL
	}
	if len(text) > maxURL {
		return nil, fmt.Errorf("URL is over %d bytes long", maxURL)
	}
	parsed, err := url.Parse(text)
	switch {
	case err != nil, parsed.Opaque != "", parsed.Hostname() == "", !validPort(parsed):
		return nil, fmt.Errorf("URL must be an absolute URL like %s", DefaultURL)
	case parsed.User != nil:
		return nil, errors.New("URL must not hold a user name or password")
	case parsed.RawQuery != "" || parsed.ForceQuery || strings.Contains(text, "#"):
		return nil, fmt.Errorf("URL must not hold a query or fragment: give one like %s", DefaultURL)
	case endsInMethod(parsed):
		return nil, methodInURLError(parsed)
	case parsed.Scheme == "https", parsed.Scheme == "http" && isLoopback(parsed.Hostname()):
		return parsed, nil
	case parsed.Scheme == "http":
		return nil, fmt.Errorf("URL http://%s would send the client key in the clear: "+
			"use https://, since http:// is for loopback hosts only", untrusted(parsed.Host, secrets{}, maxCode))
	default:
		return nil, fmt.Errorf("URL has the scheme %q: it takes https://, or http:// for loopback hosts", parsed.Scheme)
	}
}

// methods are what an API's base must not end in: call appends the method. The last two are of
// version 1.
var methods = []string{
	"createTask", "getTaskResult", "getBalance", "reportCorrect", "reportIncorrect", "in.php", "res.php",
}

func endsInMethod(address *url.URL) bool {
	last := path.Base(path.Clean("/" + address.Path))
	return slices.ContainsFunc(methods, func(method string) bool { return strings.EqualFold(method, last) })
}

// methodInURLError names the base, unless a prefix of the path is in it: that may be a secret.
func methodInURLError(address *url.URL) error {
	clean := path.Clean("/" + address.Path)
	base := "the part before it"
	if path.Dir(clean) == "/" {
		base = strings.ToLower(address.Scheme) + "://" + untrusted(address.Host, secrets{}, maxCode)
	}
	if method := path.Base(clean); strings.HasSuffix(strings.ToLower(method), ".php") {
		return fmt.Errorf("URL ends in /%s, which is of version 1 of the API: give the base of version 2, like %s",
			method, DefaultURL)
	}
	return fmt.Errorf("URL ends in /%s, which is a method: give the API's base, %s", path.Base(clean), base)
}

func validPort(address *url.URL) bool {
	if address.Port() == "" {
		return !strings.HasSuffix(address.Host, ":")
	}
	port, err := strconv.ParseUint(address.Port(), 10, 16)
	return err == nil && port > 0
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
