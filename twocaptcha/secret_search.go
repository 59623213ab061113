package twocaptcha

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// minPart is in characters. A part of a secret that is at least this long is searched for, and the
	// whole of a secret that is shorter.
	minPart = 12
	// minEnding is in characters. At the end of a text, a beginning of the key of this length is taken
	// for the key that was cut off.
	minEnding = 8
	// maxEncodings is how many encodings on top of each other are undone: JSON in JSON in a URL.
	maxEncodings = 3
)

// letter is a character of a text, decoded, and the bytes of the text that spell it.
type letter struct {
	char     rune
	from, to int
}

// span is a part of a text, in bytes.
type span struct{ from, to int }

// findSpelled returns the parts of a text that spell one of the secrets or a part of it, in order
// and apart from each other: in any case, with JSON or percent escapes, and if all secrets have
// minPart characters or more also in base64, or split by white space or invisible characters. With
// endings, the text's end may be the beginning of a secret.
func findSpelled(text string, secrets []string, endings bool) []span {
	wanted := make([]string, len(secrets))
	split := true
	for index, secret := range secrets {
		wanted[index] = strings.Map(unicode.ToLower, secret)
		split = split && utf8.RuneCountInString(secret) >= minPart
	}
	var found []span
	search := func(letters []letter) {
		found = append(found, findParts(letters, wanted)...)
		if endings {
			found = append(found, findEnding(letters, wanted)...)
		}
	}
	letters := lettersOf(text)
	search(letters)
	for range maxEncodings {
		decoded := unescape(letters, unescapeJSON, unescapePercent)
		if split {
			decoded = slices.DeleteFunc(decoded, func(l letter) bool { return !isVisible(l.char) })
		}
		if len(decoded) == len(letters) {
			break
		}
		letters = decoded
		search(letters)
	}
	if split {
		for _, run := range base64Runs(letters) {
			for skipped := range min(4, len(run)) {
				found = append(found, findParts(fromBase64(run[skipped:]), wanted)...)
			}
		}
	}
	return merged(found)
}

func lettersOf(text string) []letter {
	letters := make([]letter, 0, len(text))
	for at, char := range text {
		if len(letters) > 0 {
			letters[len(letters)-1].to = at
		}
		letters = append(letters, letter{char: char, from: at, to: len(text)})
	}
	return letters
}

func isVisible(char rune) bool { return unicode.IsGraphic(char) && !unicode.IsSpace(char) }

// findParts returns the parts of wanted, which are in lower case, in letters.
func findParts(letters []letter, wanted []string) []span {
	text, starts := folded(letters)
	bySize := map[int][]string{}
	for _, each := range wanted {
		size := min(minPart, utf8.RuneCountInString(each))
		bySize[size] = append(bySize[size], each)
	}
	var found []span
	for size, texts := range bySize {
		// A secret may be far longer than the text, so the text's windows are kept.
		isWanted, mayBeThere := map[string]bool{}, [1 << 16]bool{}
		for at := 0; at+size <= len(letters); at++ {
			window := text[starts[at]:starts[at+size]]
			isWanted[window], mayBeThere[head(window)] = false, true
		}
		for _, each := range texts {
			forWindows(each, size, func(window string) {
				if mayBeThere[head(window)] { // which is far faster than a look-up
					if _, isThere := isWanted[window]; isThere {
						isWanted[window] = true
					}
				}
			})
		}
		for at := 0; at+size <= len(letters); at++ {
			if isWanted[text[starts[at]:starts[at+size]]] {
				found = append(found, span{letters[at].from, letters[at+size-1].to})
			}
		}
	}
	return found
}

// head is the first two bytes of a text that is not empty.
func head(text string) uint16 {
	return uint16(text[0])<<8 | uint16(text[min(2, len(text))-1])
}

// folded returns the letters in lower case, and for each the byte that it starts at, and the end.
func folded(letters []letter) (text string, starts []int) {
	var lower strings.Builder
	starts = make([]int, 0, len(letters)+1)
	for _, each := range letters {
		starts = append(starts, lower.Len())
		lower.WriteRune(unicode.ToLower(each.char))
	}
	return lower.String(), append(starts, lower.Len())
}

// forWindows calls do with every size characters of text in a row.
func forWindows(text string, size int, do func(window string)) {
	advance := func(at int) int {
		_, length := utf8.DecodeRuneInString(text[at:])
		return at + length
	}
	from, to := 0, 0
	for range size {
		to = advance(to)
	}
	for {
		do(text[from:to])
		if to == len(text) {
			return
		}
		from, to = advance(from), advance(to)
	}
}

// findEnding returns the end of letters if it is the beginning of one of wanted.
func findEnding(letters []letter, wanted []string) []span {
	text, starts := folded(letters)
	for at := range letters {
		if len(letters)-at < minEnding {
			break
		}
		for _, each := range wanted {
			if strings.HasPrefix(each, text[starts[at]:]) {
				return []span{{letters[at].from, letters[len(letters)-1].to}}
			}
		}
	}
	return nil
}

// merged returns the spans in order, those that overlap as one.
func merged(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	var apart []span
	for _, each := range spans {
		if last := len(apart) - 1; last >= 0 && each.from < apart[last].to {
			apart[last].to = max(apart[last].to, each.to)
			continue
		}
		apart = append(apart, each)
	}
	return apart
}

// unescape decodes one layer of the escapes that decoders know. Anything else stays as it is.
func unescape(letters []letter, decoders ...func([]letter) (decoded []letter, size int)) []letter {
	out := make([]letter, 0, len(letters))
next:
	for at := 0; at < len(letters); {
		for _, decode := range decoders {
			if decoded, size := decode(letters[at:]); size > 0 {
				out = append(out, decoded...)
				at += size
				continue next
			}
		}
		out = append(out, letters[at])
		at++
	}
	return out
}

// unescapeJSON decodes the JSON escape that letters begin with. Size 0: there is none.
func unescapeJSON(letters []letter) (decoded []letter, size int) {
	if len(letters) < 2 || letters[0].char != '\\' {
		return nil, 0
	}
	spelledBy := func(char rune, size int) ([]letter, int) {
		return []letter{{char, letters[0].from, letters[size-1].to}}, size
	}
	switch next := letters[1].char; next {
	case '"', '\\', '/':
		return spelledBy(next, 2)
	case 'b', 'f', 'n', 'r', 't':
		return spelledBy(' ', 2) // some white space
	case 'u':
		first, ok := number(letters, 2, 4)
		if !ok {
			return nil, 0
		}
		if utf16.IsSurrogate(first) && len(letters) >= 12 && letters[6].char == '\\' && letters[7].char == 'u' {
			if second, ok := number(letters, 8, 4); ok {
				if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
					return spelledBy(pair, 12)
				}
			}
		}
		if utf16.IsSurrogate(first) {
			first = utf8.RuneError
		}
		return spelledBy(first, 6)
	}
	return nil, 0
}

// unescapePercent decodes the percent escapes that letters begin with, up to the last of them in a
// row. Size 0: there is none.
func unescapePercent(letters []letter) (decoded []letter, size int) {
	var bytes []byte
	for size < len(letters) && letters[size].char == '%' {
		value, ok := number(letters, size+1, 2)
		if !ok {
			break
		}
		bytes = append(bytes, byte(value))
		size += 3
	}
	for at := 0; at < len(bytes); {
		char, length := utf8.DecodeRune(bytes[at:])
		decoded = append(decoded, letter{char, letters[3*at].from, letters[3*(at+length)-1].to})
		at += length
	}
	return decoded, size
}

// number reads so many hexadecimal digits from letters[at] on.
func number(letters []letter, at, digits int) (rune, bool) {
	if len(letters) < at+digits {
		return 0, false
	}
	var text strings.Builder
	for _, each := range letters[at : at+digits] {
		text.WriteRune(each.char)
	}
	value, err := strconv.ParseUint(text.String(), 16, 16)
	return rune(value), err == nil
}

// base64Runs returns what may be base64 that holds a part of a secret.
func base64Runs(letters []letter) [][]letter {
	const least = minPart * 4 / 3
	var runs [][]letter
	begin := 0
	for at := 0; at <= len(letters); at++ {
		if at < len(letters) && base64Value(letters[at].char) >= 0 {
			continue
		}
		if at-begin >= least {
			runs = append(runs, letters[begin:at])
		}
		begin = at + 1
	}
	return runs
}

// fromBase64 decodes a run of base64, of the standard alphabet or that of URLs.
func fromBase64(run []letter) []letter {
	decoded := make([]letter, 0, len(run)*3/4)
	for at := 0; at+1 < len(run); at++ {
		if at%4 == 3 { // four characters are three bytes
			continue
		}
		bits := base64Value(run[at].char)<<6 | base64Value(run[at+1].char)
		char := rune(bits>>(4-2*(at%4))) & 0xff
		decoded = append(decoded, letter{char, run[at].from, run[at+1].to})
	}
	return decoded
}

func base64Value(char rune) int {
	switch char {
	case '-':
		char = '+'
	case '_':
		char = '/'
	}
	return strings.IndexRune(base64Alphabet, char)
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
