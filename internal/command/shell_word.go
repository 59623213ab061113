package command

import (
	"regexp"
	"strings"
)

// ShellWord writes a word so that a shell takes it as one, for commands in messages.
func ShellWord(word string) string {
	if regexp.MustCompile(`^[\w./:@%+=,-]+$`).MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
