package twocaptcha

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxKey = 256

// keySource gives the client key for each request. No implementation prints the key.
type keySource interface {
	// take returns the key for one request. The error never shows what may be a key.
	take(context.Context) (lease, error)
	// usable returns why there has been no usable key for too long, or nil.
	usable() error
	// known returns every key that the service may echo.
	known() []string
}

func newKeySource(options Options) (keySource, error) {
	switch {
	case options.ClientKey != "" && options.ClientKeyFile != "":
		return nil, errors.New("give ClientKey or ClientKeyFile, not both")
	case options.ClientKey != "":
		key, err := parseKey(options.ClientKey)
		if err != nil {
			return nil, fmt.Errorf("ClientKey %w", err)
		}
		return fixedKey(func() string { return key }), nil
	case options.ClientKeyFile != "":
		return newKeyFile(options)
	default:
		return nil, errors.New("ClientKey or ClientKeyFile must be given: the account's API key, or a file that holds it")
	}
}

// fixedKey is a key that stays. It is a function so that printing a Client does not print it.
type fixedKey func() string

func (k fixedKey) take(context.Context) (lease, error) { return lease{key: k()}, nil }
func (k fixedKey) usable() error                       { return nil }
func (k fixedKey) known() []string                     { return []string{k()} }

// lease is the key of one request.
type lease struct {
	key string
	// answered is told what the answer says of the key, exactly once. It reports whether the request
	// can be repeated with another key. nil: nobody needs to know.
	answered func(context.Context, keyAnswer) (repeat bool)
}

// keyAnswer is what an answer says of the key that the request had.
type keyAnswer int

const (
	keyUnjudged keyAnswer = iota // there is no answer, or it comes from before the key was looked at
	keyTaken
	keyRefused
)

// judgeKey returns what an answer says of the key. Of codes that are not in the table nobody knows.
func judgeKey(err error) keyAnswer {
	var serviceError *ServiceError
	switch {
	case err == nil:
		return keyTaken
	case !errors.As(err, &serviceError):
		return keyUnjudged
	case serviceError.Code == ErrorKeyDoesNotExist:
		return keyRefused
	}
	switch serviceError.Code {
	case ErrorIPBlocked, ErrorNoSuchMethod, ErrorTooMuchRequests, ErrorRateLimit, ErrorServiceUnavaliable:
		return keyUnjudged
	}
	if _, inTable := codeAdvice[serviceError.Code]; !inTable {
		return keyUnjudged
	}
	return keyTaken
}

func readKey(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("can't be read: %w", withoutPath(err))
	}
	if !info.Mode().IsRegular() { // a pipe would block, and be empty at the second request
		return "", errors.New("is not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("can't be read: %w", withoutPath(err))
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, 16*maxKey))
	if err != nil {
		return "", fmt.Errorf("can't be read: %w", withoutPath(err))
	}
	return parseKey(string(content))
}

func parseKey(text string) (string, error) {
	key := strings.TrimSpace(text)
	switch {
	case key == "":
		return "", errors.New("is empty: it takes the account's API key")
	case strings.ContainsRune(quotes, firstRune(key)), strings.ContainsRune(quotes, lastRune(key)):
		return "", errors.New("has quotes around it: give the key without them")
	case assignment.MatchString(key):
		return "", errors.New(`begins with a name and "=": give the key alone, which is what follows the "="`)
	case jsonObject.MatchString(key):
		return "", errors.New("is JSON: it takes the account's API key and nothing else")
	case placeholder.MatchString(key):
		return "", errors.New("is a placeholder, like <YOUR_API_KEY> or $KEY: put the account's API key in its place")
	case len(key) > maxKey:
		return "", fmt.Errorf("is over %d bytes long: it takes the account's API key and nothing else", maxKey)
	case !utf8.ValidString(key) || strings.ContainsFunc(key, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsGraphic(r)
	}):
		return "", errors.New("has white space or control characters in it: it takes the account's API key and nothing else")
	}
	return key, nil
}

// What is given in place of a key by mistake. Five requests with a wrong key are a ban.
var (
	assignment = regexp.MustCompile(`^(?:(?:export|set|setx)\s+)?(?:\$env:)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*[^=\s]`)
	jsonObject = regexp.MustCompile(`^\{\s*["}]`)
	// The last three are your-api-key, the name of a variable, and a mask.
	placeholder = regexp.MustCompile(`(?s)^(?:<.*>|\[.*\]|\{.*\}|\$.*|%.*%|` +
		`(?i:(?:insert|enter|put|paste)?[-_]?your[-_a-z0-9]*key[-_a-z]*)|` +
		`(?:[A-Z0-9]+_)+KEY|[xX*.…-]{3,})$`)
)

const quotes = "\"'`“”„‘’‚«»"

func firstRune(text string) rune {
	first, _ := utf8.DecodeRuneInString(text)
	return first
}

func lastRune(text string) rune {
	last, _ := utf8.DecodeLastRuneInString(text)
	return last
}

// shownPath is the path for an error text. A bare name is not shown: it may be the key itself,
// given as a file by mistake.
func shownPath(path string) string {
	if filepath.Base(path) == path {
		return ""
	}
	return " " + untrusted(path, secrets{}, maxText/2)
}

func withoutPath(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
