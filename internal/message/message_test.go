package message

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestShorten(t *testing.T) {
	t.Parallel()
	require.Equal(t, "short", Shorten("short", 5))
	require.Equal(t, "sh…", Shorten("shorter", 5))
	for length := 10; length < 14; length++ {
		text := Shorten(strings.Repeat("ü€😀", 20), length)
		require.LessOrEqual(t, len(text), length)
		require.Greater(t, len(text), length-4, "a rune has 4 bytes at most")
		require.True(t, utf8.ValidString(text), "%q", text)
	}
}
