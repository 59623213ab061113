// Package message keeps the texts of errors short.
package message

import "unicode/utf8"

// MaxBytes is how long an error's message is at most.
const MaxBytes = 500

// Shorten returns the beginning of text, of at most that many bytes, on a rune boundary. It ends
// with an ellipsis if something is missing.
func Shorten(text string, bytes int) string {
	const ellipsis = "…"
	if len(text) <= bytes {
		return text
	}
	end := bytes - len(ellipsis)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}
