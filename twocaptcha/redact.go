package twocaptcha

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxText    = 500
	maxCode    = 100
	maxExcerpt = 120
	// maxSearched is how much of a text is looked at: what is shown of it is far shorter, also if all
	// of it are escaped keys.
	maxSearched = 16 << 10

	clientKeyMark = "[client key]"
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
	text = strings.TrimSpace(text)
	text = cutAt(text, maxSearched)
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
	return cutAt(text, limit-len(ellipsis)) + ellipsis
}

// cutAt is the beginning of text, of at most limit bytes, on a rune boundary.
func cutAt(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// withoutKey replaces what spells the client key or a part of it.
func withoutKey(text, key string) string {
	var out strings.Builder
	done := 0
	for _, found := range findKey(text, key) {
		out.WriteString(text[done:found.from])
		out.WriteString(clientKeyMark)
		done = found.to
	}
	out.WriteString(text[done:])
	return out.String()
}

// solutionWithoutKey replaces the client key in the strings of a JSON value, names of properties
// included, in any case and however JSON escapes it. Every other byte stays as it is: a solution is
// paid for, and a part of the key may be in it by chance.
func solutionWithoutKey(value []byte, key string) []byte {
	wanted := folded(lettersOf(key))
	if len(key) < minKeyInSolution || !maySpell(value, wanted) {
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
		out = append(out, stringWithoutKey(value[open+1:end], wanted)...)
		value = value[end:]
		if len(value) > 0 {
			out, value = append(out, '"'), value[1:]
		}
	}
	return append(out, value...)
}

// stringWithoutKey replaces the key in the inside of a JSON string.
func stringWithoutKey(inside []byte, key []letter) []byte {
	if !maySpell(inside, key) {
		return inside
	}
	letters := folded(unescape(lettersOf(string(inside)), unescapeJSON))
	var out []byte
	done := 0
	for at := 0; at+len(key) <= len(letters); {
		if !slices.EqualFunc(letters[at:at+len(key)], key, sameChar) {
			at++
			continue
		}
		out = append(append(out, inside[done:letters[at].from]...), clientKeyMark...)
		at += len(key)
		done = letters[at-1].to
	}
	return append(out, inside[done:]...)
}

// maySpell tells whether JSON holds the key, or escapes that may spell a character of the key.
func maySpell(value []byte, key []letter) bool {
	var text strings.Builder
	escapes := `\u`
	for _, each := range key {
		text.WriteRune(each.char)
		if strings.ContainsRune(`"\/`, each.char) {
			escapes = `\`
		}
	}
	return bytes.Contains(value, []byte(escapes)) || bytes.Contains(bytes.ToLower(value), []byte(text.String()))
}
