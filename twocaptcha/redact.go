package twocaptcha

import (
	"bytes"
	"cmp"
	"maps"
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
	// minSecret is in bytes. A shorter secret other than the key occurs in texts by chance.
	minSecret = 8
)

// secrets are what no text of the service may show.
type secrets struct {
	keys []string
	// more returns other secrets of a request, by the mark that takes their place. It is called only
	// if there is a text to show. nil: no other secrets.
	more func() map[string][]string
}

// untrusted makes a text that may hold bytes of the service fit for errors: without the secrets,
// valid UTF-8, without control or invisible characters, at most limit bytes. The secrets go first,
// since a cut could leave most of one.
func untrusted(text string, hidden secrets, limit int) string {
	return cut(clean(text, hidden), limit)
}

func clean(text string, hidden secrets) string {
	text = strings.TrimSpace(text)
	text = cutAt(text, maxSearched)
	text = strings.ToValidUTF8(hidden.without(text), string(utf8.RuneError))
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return ' '
	}, text))
}

// untrustedCode is untrusted for an errorCode. A code of the service's table stays as it is,
// whatever the secrets.
func untrustedCode(code string, hidden secrets) string {
	code = strings.TrimSpace(code)
	if IsKnownCode(code) {
		return code
	}
	return untrusted(code, hidden, maxCode)
}

// excerpt is the beginning of a body in quotes, white space collapsed.
func excerpt(body []byte, hidden secrets) string {
	return `"` + cut(strings.Join(strings.Fields(clean(string(body), hidden)), " "), maxExcerpt) + `"`
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

// without replaces what spells one of the secrets or a part of it. Overlapping parts get the mark
// of the secret that comes first.
func (s secrets) without(text string) string {
	type marked struct {
		span
		mark string
	}
	var found []marked
	add := func(mark string, endings bool, texts ...string) {
		for _, each := range findSpelled(text, texts, endings) {
			found = append(found, marked{each, mark})
		}
	}
	for _, key := range s.keys {
		add(clientKeyMark, true, key)
	}
	if s.more != nil {
		more := s.more()
		for _, mark := range slices.Sorted(maps.Keys(more)) {
			long, short := longAndShort(more[mark])
			add(mark, false, long...)
			add(mark, false, short...)
		}
	}
	slices.SortStableFunc(found, func(a, b marked) int { return cmp.Compare(a.from, b.from) })
	var out strings.Builder
	done := 0
	for _, each := range found {
		if each.from < done {
			done = max(done, each.to)
			continue
		}
		out.WriteString(text[done:each.from])
		out.WriteString(each.mark)
		done = each.to
	}
	out.WriteString(text[done:])
	return out.String()
}

// longAndShort divides secrets at minPart, and leaves out those that a text may hold by chance.
func longAndShort(secrets []string) (long, short []string) {
	for _, secret := range secrets {
		switch {
		case utf8.RuneCountInString(secret) >= minPart:
			long = append(long, secret)
		case len(secret) >= minSecret:
			short = append(short, secret)
		}
	}
	return long, short
}

// solutionWithoutKeys replaces client keys in the strings of a JSON value, names of properties
// included, in any case and however JSON escapes them. Every other byte stays as it is: a solution
// is paid for, and a part of a key may be in it by chance.
func solutionWithoutKeys(value []byte, keys []string) []byte {
	for _, key := range keys {
		value = solutionWithoutKey(value, key)
	}
	return value
}

func solutionWithoutKey(value []byte, key string) []byte {
	wanted := strings.Map(unicode.ToLower, key)
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

// stringWithoutKey replaces the key, which is in lower case, in the inside of a JSON string.
func stringWithoutKey(inside []byte, key string) []byte {
	if !maySpell(inside, key) {
		return inside
	}
	letters := unescape(lettersOf(string(inside)), unescapeJSON)
	text, starts := folded(letters)
	var out []byte
	done := 0
	for at := 0; at < len(letters); {
		if !strings.HasPrefix(text[starts[at]:], key) {
			at++
			continue
		}
		out = append(append(out, inside[done:letters[at].from]...), clientKeyMark...)
		at += utf8.RuneCountInString(key)
		done = letters[at-1].to
	}
	return append(out, inside[done:]...)
}

// maySpell tells whether JSON holds the key, which is in lower case, or escapes that may spell a
// character of it.
func maySpell(value []byte, key string) bool {
	escapes := `\u`
	if strings.ContainsAny(key, `"\/`) {
		escapes = `\`
	}
	return bytes.Contains(value, []byte(escapes)) || bytes.Contains(bytes.ToLower(value), []byte(key))
}
