package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestTaskIDsOfArgumentsAndStandardInput(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		arguments []string
		stdin     string
		ids       []int64
		repeated  []int64
	}{
		"one":                         {[]string{"74372499131"}, "", []int64{74372499131}, nil},
		"beyond 32 bits, to the last": {[]string{"9223372036854775807"}, "", []int64{math.MaxInt64}, nil},
		"in the order given":          {[]string{"3", "1", "2"}, "", []int64{3, 1, 2}, nil},
		"leading zeros":               {[]string{"007"}, "", []int64{7}, nil},
		"lines":                       {[]string{"-"}, "5\n6\n", []int64{5, 6}, nil},
		"no last line end":            {[]string{"-"}, "5\n6", []int64{5, 6}, nil},
		"white space and blank lines": {[]string{"-"}, "\n  5\t\r\n\r\n \n6\n\n", []int64{5, 6}, nil},
		"byte order mark":             {[]string{"-"}, "\uFEFF5\n", []int64{5}, nil},
		"arguments around":            {[]string{"1", "-", "9"}, "5\n", []int64{1, 5, 9}, nil},
		"standard input twice":        {[]string{"-", "-"}, "5\n", []int64{5}, nil},
		"empty, with an argument":     {[]string{"-", "1"}, "\n", []int64{1}, nil},
		"the same again":              {[]string{"5", "6", "05", "5", "6"}, "", []int64{5, 6}, []int64{5, 6}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readTaskIDs(test.arguments, strings.NewReader(test.stdin))
			require.NoError(t, err)
			require.Equal(t, taskIDs{ids: test.ids, repeated: test.repeated}, got)
		})
	}
}

func TestWhatIsNotATaskID(t *testing.T) {
	t.Parallel()
	const positive = " is not a task id: a task id is a positive integer such as 74372499131"
	tests := map[string]struct {
		arguments []string
		stdin     string
		message   string
	}{
		"nothing":        {nil, "", `no task id: give the ids as arguments, or "-" and one a line on standard input`},
		"a word":         {[]string{"five"}, "", `"five"` + positive},
		"empty":          {[]string{""}, "", `""` + positive},
		"a sign":         {[]string{"+5"}, "", `"+5"` + positive},
		"negative":       {[]string{"-5"}, "", `"-5"` + positive},
		"a fraction":     {[]string{"5.0"}, "", `"5.0"` + positive},
		"an exponent":    {[]string{"1e10"}, "", `"1e10"` + positive},
		"hexadecimal":    {[]string{"0x10"}, "", `"0x10"` + positive},
		"underscores":    {[]string{"1_000"}, "", `"1_000"` + positive},
		"other digits":   {[]string{"１２"}, "", `"１２"` + positive},
		"two in one":     {[]string{"5 6"}, "", `"5 6"` + positive},
		"zero":           {[]string{"0"}, "", `"0" is not a task id: task ids begin at 1`},
		"beyond int64":   {[]string{"9223372036854775808"}, "", `"9223372036854775808" is not a task id: it is larger than any (9223372036854775807)`},
		"very long":      {[]string{strings.Repeat("x", 1000)}, "", `"` + strings.Repeat("x", 40) + `"…` + positive},
		"line ends":      {[]string{"5\n6"}, "", `"5\n6"` + positive},
		"after good one": {[]string{"5", "x"}, "", `"x"` + positive},
		"no lines":       {[]string{"-"}, "", `standard input holds no task id: give one a line`},
		"blank lines":    {[]string{"-"}, " \n\n", `standard input holds no task id: give one a line`},
		"a bad line":     {[]string{"-"}, "5\n\n6x\n", `standard input, line 3: "6x"` + positive},
		"a very long line": {[]string{"-"}, "5\n" + strings.Repeat("1", 70_000),
			`standard input, line 2: it is far too long for a task id`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readTaskIDs(test.arguments, strings.NewReader(test.stdin))
			require.EqualError(t, err, test.message)
			require.Empty(t, got.ids, "nothing may be started when one id is bad")
		})
	}
}

func TestStandardInputThatFails(t *testing.T) {
	t.Parallel()
	failing := io.MultiReader(strings.NewReader("5\n"), iotest.ErrReader(errors.New("the disk is gone")))
	_, err := readTaskIDs([]string{"-"}, failing)
	require.EqualError(t, err, "standard input can't be read: the disk is gone")
}

func TestHundredThousandLines(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	for id := range 100_000 {
		fmt.Fprintln(&lines, id+1)
	}
	got, err := readTaskIDs([]string{"-"}, strings.NewReader(lines.String()))
	require.NoError(t, err)
	require.Len(t, got.ids, 100_000)
	require.Equal(t, int64(100_000), got.ids[99_999])
}

// Whatever readTaskIDs is given, it returns positive ids, each once.
func FuzzTaskIDs(f *testing.F) {
	for _, seed := range []string{"5\n6\n", " 007 \r\n\n7", "-5", "1e10", "\uFEFF9", "9223372036854775808", "5\x00", "\xff", "+1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		got, err := readTaskIDs([]string{"-"}, strings.NewReader(input))
		if err != nil {
			require.Empty(t, got.ids)
			require.NotContains(t, err.Error(), "\n", "an error is one line")
			return
		}
		require.NotEmpty(t, got.ids)
		seen := map[int64]bool{}
		for _, id := range got.ids {
			require.Positive(t, id)
			require.False(t, seen[id], "%d is there twice", id)
			seen[id] = true
		}
		again, err := readTaskIDs(strings.Fields(list(got.ids, len(got.ids))), nil)
		require.NoError(t, err)
		require.Equal(t, got.ids, again.ids, "what a message spells out is what was read")
	})
}
