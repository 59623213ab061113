package twocaptcha

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxText    = 500
	maxCode    = 100
	maxExcerpt = 120

	clientKeyMark = "[client key]"
	// A piece of the key at the end of a text is taken for one that was broken off from this length
	// on.
	minKeyPiece = 8
	// A key of the service has 32 characters. Shorter ones than this are test keys, which occur in
	// solutions by chance.
	minKeyInSolution = 8
)

// untrusted makes a text that may hold bytes of the service fit for errors: without the client key,
// valid UTF-8, without control or invisible characters, at most limit bytes. The key goes first,
// since a cut could leave most of it.
func untrusted(text, key string, limit int) string {
	return cut(clean(text, key), limit)
}

func clean(text, key string) string {
	text = strings.ToValidUTF8(withoutKey(text, key), string(utf8.RuneError))
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return ' '
	}, text))
}

// untrustedCode is untrusted for an errorCode. A code of the service's table stays as it is,
// whatever the key.
func untrustedCode(code, key string) string {
	code = strings.TrimSpace(code)
	if _, known := codeAdvice[code]; known {
		return code
	}
	return untrusted(code, key, maxCode)
}

// excerpt is the beginning of a body in quotes, white space collapsed.
func excerpt(body []byte, key string) string {
	return `"` + cut(strings.Join(strings.Fields(clean(string(body), key)), " "), maxExcerpt) + `"`
}

// cut shortens text to limit bytes on a rune boundary, the last of them an ellipsis.
func cut(text string, limit int) string {
	const ellipsis = "…"
	if len(text) <= limit {
		return text
	}
	end := limit - len(ellipsis)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}

// withoutKey replaces the client key in text, also if it is spelled with JSON escapes, or if the
// text breaks off within it.
func withoutKey(text, key string) string {
	if key == "" {
		return text
	}
	text = withoutEscapedKey(strings.ReplaceAll(text, key, clientKeyMark), key)
	decoded, offsets := unescape(text)
	for length := min(len(key)-1, len(decoded)); length >= minKeyPiece; length-- {
		if start := len(decoded) - length; string(decoded[start:]) == key[:length] {
			return text[:offsets[start]] + clientKeyMark
		}
	}
	return text
}

// solutionWithoutKey replaces the client key in the strings of a JSON value, names of properties
// included, and leaves every other byte as it is.
func solutionWithoutKey(value []byte, key string) []byte {
	if len(key) < minKeyInSolution || !bytes.Contains(value, []byte(key)) && !bytes.ContainsRune(value, '\\') {
		return value
	}
	var out []byte
	for len(value) > 0 {
		open := bytes.IndexByte(value, '"')
		if open < 0 {
			break
		}
		end := open + 1
		for end < len(value) && value[end] != '"' {
			if value[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(value))
		out = append(out, value[:open+1]...)
		out = append(out, withoutEscapedKey(string(value[open+1:end]), key)...)
		value = value[end:]
		if len(value) > 0 {
			out, value = append(out, '"'), value[1:]
		}
	}
	return append(out, value...)
}

// withoutEscapedKey replaces the key in the inside of a JSON string, whichever way it is escaped.
func withoutEscapedKey(text, key string) string {
	if !strings.Contains(text, key) && !strings.Contains(text, `\`) {
		return text
	}
	decoded, offsets := unescape(text)
	var out strings.Builder
	done := 0
	for {
		at := bytes.Index(decoded[done:], []byte(key))
		if at < 0 {
			out.WriteString(text[offsets[done]:])
			return out.String()
		}
		out.WriteString(text[offsets[done]:offsets[done+at]])
		out.WriteString(clientKeyMark)
		done += at + len(key)
	}
}

// unescape decodes the inside of a JSON string. offsets says for each byte of decoded where its
// source begins in text, and ends with the text's length. Anything else than an escape is left as
// it is.
func unescape(text string) (decoded []byte, offsets []int) {
	decoded, offsets = make([]byte, 0, len(text)), make([]int, 0, len(text)+1)
	for at := 0; at < len(text); {
		char, size := text[at:at+1], 1
		if text[at] == '\\' && at+1 < len(text) {
			switch next := text[at+1]; next {
			case '"', '\\', '/':
				char, size = text[at+1:at+2], 2
			case 'b', 'f', 'n', 'r', 't':
				char, size = " ", 2 // some white space, which no key holds
			case 'u':
				if r, length := escapedRune(text[at:]); length > 0 {
					char, size = string(r), length
				}
			}
		}
		for range len(char) {
			offsets = append(offsets, at)
		}
		decoded = append(decoded, char...)
		at += size
	}
	return decoded, append(offsets, len(text))
}

// escapedRune decodes the \uXXXX that text begins with, or the surrogate pair of two. Length 0:
// there is none.
func escapedRune(text string) (r rune, length int) {
	first, ok := utf16Unit(text)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(first) {
		if second, ok := utf16Unit(text[6:]); ok {
			if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return first, 6
}

func utf16Unit(text string) (rune, bool) {
	if len(text) < 6 || text[:2] != `\u` {
		return 0, false
	}
	unit, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(unit), err == nil
}
