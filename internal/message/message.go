// Package message keeps the texts of errors short.
package message

import (
	"strings"
	"unicode/utf8"
)

// MaxBytes is how long an error's message is at most.
const MaxBytes = 500

// Shorten returns the beginning of text, of at most that many bytes, on a rune boundary. It ends
// with an ellipsis if something is missing.
func Shorten(text string, bytes int) string {
	const ellipsis = "…"
	if len(text) <= bytes {
		return text
	}
	return text[:runeStart(text, bytes-len(ellipsis))] + ellipsis
}

// ShortenAtWord is Shorten after a whole word, if there is one.
func ShortenAtWord(text string, bytes int) string {
	const ellipsis = " …"
	if len(text) <= bytes {
		return text
	}
	end := runeStart(text, bytes-len(ellipsis))
	if text[end] != ' ' {
		if word := strings.LastIndexByte(text[:end], ' '); word > 0 {
			end = word
		}
	}
	return strings.TrimRight(text[:end], " ") + ellipsis
}

// runeStart is the index of the rune that the byte there is part of; 0 below the first one.
func runeStart(text string, index int) int {
	for index > 0 && !utf8.RuneStart(text[index]) {
		index--
	}
	return index
}
