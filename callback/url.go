package callback

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// These limits are in bytes. That of workflow ids is Temporal's own.
const (
	maxWorkflowID = 1000
	maxSubmission = 200
)

// submissionEnd parts a submission's name from the workflow's id.
var submissionEnd = []byte{0}

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
	if err := checkWorkflowID(workflowID); err != nil {
		return "", err
	}
	return address(base, secret, workflowKind, []byte(workflowID))
}

// SubmissionURL returns the address whose calls are for one submission of the workflow workflowID,
// as the workflow SolveTask makes them. It takes any POST or GET, whatever its body: a call that
// does not name its task still wakes the workflow. The signal names the submission. The same
// arguments give the same address. The errors are those of [WorkflowURL], and one for a submission
// that is not 1 to 200 bytes of UTF-8 without a zero byte.
func SubmissionURL(base, secret, workflowID, submission string) (string, error) {
	if err := checkWorkflowID(workflowID); err != nil {
		return "", err
	}
	if submission == "" || len(submission) > maxSubmission || !utf8.ValidString(submission) ||
		strings.Contains(submission, string(submissionEnd)) {
		return "", fmt.Errorf("callback: the submission's name is %d bytes long: "+
			"it takes 1 to %d bytes of UTF-8 without a zero byte", len(submission), maxSubmission)
	}
	return address(base, secret, submissionKind, slices.Concat([]byte(submission), submissionEnd, []byte(workflowID)))
}

func checkWorkflowID(workflowID string) error {
	switch {
	case workflowID == "":
		return errors.New("callback: the workflow id is empty: it takes the id of the workflow to wake")
	case len(workflowID) > maxWorkflowID:
		return fmt.Errorf("callback: the workflow id is %d bytes long: Temporal takes %d at most",
			len(workflowID), maxWorkflowID)
	case !utf8.ValidString(workflowID):
		return errors.New("callback: the workflow id is not valid UTF-8, which Temporal requires")
	}
	return nil
}

// CheckSecret returns an error if [URL] would refuse secret, and shows nothing of it.
func CheckSecret(secret string) error {
	_, err := newSigner(secret)
	return err
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
