package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/size"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// sizes runs --size, which needs no server.
func sizes(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	status, stdout, stderr := outcomeOf(t, append([]string{"--size"}, args...)...)
	require.Equal(t, command.ExitDone, status, stderr)
	require.Empty(t, stderr)
	return stdout
}

func TestSizeIsMadeOfTheKeptFigures(t *testing.T) {
	t.Parallel()
	figures, err := size.Kept()
	require.NoError(t, err)
	var want bytes.Buffer
	require.NoError(t, write(&want, true, "", figures.Size(10, 100, 1000)))
	require.Equal(t, want.String(), sizes(t, "--json"))
	table := sizes(t)
	for _, design := range []string{"timer", "callback", "activityRetry", "solve"} {
		require.Equal(t, 4, strings.Count(table, "\n"+design), "three sizes and an error\n%s", table)
	}
}

func TestSizeOfOtherFigures(t *testing.T) {
	t.Parallel()
	figures, err := size.Kept()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "figures.json")
	tableOf := func() string {
		text, err := json.Marshal(figures)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, text, 0o600))
		return sizes(t, "--figures", file)
	}
	require.Equal(t, sizes(t), tableOf())
	require.Equal(t, "callback", figures.Servers[0].Designs[1].Design)
	for _, point := range figures.Servers[0].Designs[1].Points {
		point.CPU["history"] *= 2
	}
	changed := strings.Split(tableOf(), "\n")
	for i, line := range strings.Split(sizes(t), "\n") {
		ofThem := strings.Contains(line, "callback") && !strings.HasPrefix(line, "dev server")
		require.Equal(t, ofThem, strings.Join(strings.Fields(line), " ") != strings.Join(strings.Fields(changed[i]), " "), line)
	}
}

// TestPageHasTheSizes fails if the kept figures change: copy what bench --size prints then.
func TestPageHasTheSizes(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "scale.md"))
	require.NoError(t, err)
	require.Contains(t, string(page), "\n```text\n"+sizes(t)+"```\n")
}

func TestSizeOfBadFigures(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "figures.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"designs": []}`), 0o600))
	for path, message := range map[string]string{
		file:           "bench: --figures " + file + ": these are not the figures of bench --costs --json: ",
		file + ".gone": "bench: --figures " + file + ".gone: open ",
	} {
		status, stdout, stderr := outcomeOf(t, "--size", "--figures", path)
		require.Equal(t, command.ExitFailed, status)
		require.Empty(t, stdout)
		require.Contains(t, stderr, message)
		require.Equal(t, 1, strings.Count(stderr, "\n"))
	}
}
