package twocaptcha

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
)

// CheckProxy returns an error if [NewClient] would refuse the proxy that the environment names for
// requests to the API at text. The error names the variable and does not show its value, which may
// hold a password.
func CheckProxy(text string) error {
	base, err := parseURL(text)
	if err == nil {
		err = checkProxy(base)
	}
	if err != nil {
		return fmt.Errorf("twocaptcha: %w", err)
	}
	return nil
}

// checkProxy refuses what net/http would ignore: requests would go out directly.
func checkProxy(base *url.URL) error {
	if base.Scheme != "https" { // no proxy is used for plain http
		return nil
	}
	for _, variable := range []string{"HTTPS_PROXY", "https_proxy"} { // the first one that is set counts
		if value := os.Getenv(variable); value != "" {
			if !isProxy(value) {
				return fmt.Errorf("%s can't be used as a proxy: it takes a URL like http://proxy.example.com:3128, "+
					"or socks5:// (its value is not shown, since it may hold a password)", variable)
			}
			return nil
		}
	}
	return nil
}

// isProxy reads the address of a proxy as net/http does: one without a scheme is of http.
func isProxy(text string) bool {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Scheme == "" || parsed.Host == "" {
		parsed, err = url.Parse("http://" + text)
	}
	if err != nil || parsed.Hostname() == "" || !validPort(parsed) {
		return false
	}
	switch parsed.Scheme {
	case "http", "https", "socks5", "socks5h":
		return true
	}
	return false
}

// proxyOfTheEnvironment is never one for plain http, which is for loopback hosts alone: net/http
// knows fewer spellings of these than parseURL takes, and a proxy elsewhere would be sent the
// client key in the clear.
func proxyOfTheEnvironment(request *http.Request) (*url.URL, error) {
	if request.URL.Scheme == "http" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(request)
}

// nameRefusingProxy makes an error of a proxy's refusal: net/http's own is its status line's text
// alone, which passes for the service's.
func nameRefusingProxy(_ context.Context, proxy *url.URL, connect *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("the proxy %s refused to connect to %s: HTTP status %s", proxy.Host, connect.Host, response.Status)
}
