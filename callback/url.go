package callback

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxWorkflowID is Temporal's own limit, in bytes.
const maxWorkflowID = 1000

// URL returns an address to give as callbackUrl before the task's id is known: a new one at every
// call. A callback to it wakes the workflow workflows.WorkflowID(id) of the task whose id it
// brings. base is the URL at which the service reaches the [Handler], such as https://example.com
// or https://example.com/some/prefix; secret is the handler's secret, usually 32 random bytes. The
// error says what is wrong with base, or that secret is empty; it holds neither of them.
func URL(base, secret string) (string, error) {
	nonce := make([]byte, 16)
	rand.Read(nonce) // ends the process rather than fail
	return address(base, secret, taskKind, nonce)
}

// WorkflowURL returns the address whose callbacks wake the workflow workflowID, whatever task they
// bring: for a workflow that submits its task itself and waits for the signal. The same arguments
// give the same address. The errors are those of [URL], and one for a workflowID that Temporal
// would not accept: it takes 1 to 1000 bytes of UTF-8.
func WorkflowURL(base, secret, workflowID string) (string, error) {
	switch {
	case workflowID == "":
		return "", errors.New("callback: the workflow id is empty: it takes the id of the workflow to wake")
	case len(workflowID) > maxWorkflowID:
		return "", fmt.Errorf("callback: the workflow id is %d bytes long: Temporal takes %d at most",
			len(workflowID), maxWorkflowID)
	case !utf8.ValidString(workflowID):
		return "", errors.New("callback: the workflow id is not valid UTF-8, which Temporal requires")
	}
	return address(base, secret, workflowKind, []byte(workflowID))
}

// CheckURL returns an error if [URL] would refuse base, and shows nothing of it.
func CheckURL(base string) error {
	_, err := parseBase(base)
	return err
}

func address(base, secret, kind string, payload []byte) (string, error) {
	parsed, err := parseBase(base)
	if err != nil {
		return "", err
	}
	sign, err := newSigner(secret)
	if err != nil {
		return "", err
	}
	return parsed.JoinPath(sign.token(kind, payload)).String(), nil
}

const exampleBase = "https://example.com/2captcha"

// parseBase quotes nothing of base in its errors: it may hold a password.
func parseBase(base string) (*url.URL, error) {
	parsed, err := url.Parse(base)
	switch {
	case err != nil, parsed.Scheme != "https" && parsed.Scheme != "http", parsed.Hostname() == "", !validPort(parsed):
		return nil, errors.New("callback: the base must be an http or https URL, such as " + exampleBase)
	case parsed.User != nil:
		return nil, errors.New("callback: the base must not hold a user name or password")
	case parsed.RawQuery != "" || parsed.ForceQuery || strings.Contains(base, "#"):
		return nil, errors.New("callback: the base must not hold a query or fragment: give one like " + exampleBase)
	}
	return parsed, nil
}

func validPort(address *url.URL) bool {
	if address.Port() == "" {
		return !strings.HasSuffix(address.Host, ":")
	}
	port, err := strconv.ParseUint(address.Port(), 10, 16)
	return err == nil && port > 0
}
