package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProse(t *testing.T) {
	t.Parallel()
	for text, excerpts := range map[string][]string{
		"the base is no http or https URL":                          {"is no http or"},
		"the base must be an http or https URL":                     nil,
		"The secret is none of them.":                               {"is none of them."},
		"What is\nno JSON has Body.":                                {"is no JSON has"},
		"bytes that are no JSON, errors that were none":             {"are no JSON, errors", "were none"},
		"There is no such task. there are no more":                  nil,
		"There may be no wake-up left, and there is none":           nil,
		"Attempt 2 is no longer the server's, nor is it no-op":      nil,
		"The answer is no.":                                         nil,
		"It isn't a URL, and there is no such host":                 nil,
		`It says "is no URL" and ` + "`is none`" + `, as others do`: nil,

		"Where the answer was lost, it ends":                  {"Where the answer was lost, it"},
		"If the answer was lost, it ends":                     nil,
		"It starts.\nWhere it has\nto wait, the lock is held": {"Where it has to wait, the"},
		"It ends with SIGKILL; where that fails, it says so.": {"where that fails, it"},
		"- Where that is too much, use a codec.":              {"Where that is too much, use"},
		"the file, made where missing":                        {"where missing"},
		"a temporal on the PATH, where there is one":          {"where there is one"},
		"built first where it has to be":                      {"where it has to"},
		"It returns nil\nwhere the writer is closed.":         {"where the writer is"},
		`"" where the outcome is an error`:                    {"where the outcome is"},
		"0 where it isn't known":                              {"where it isn't known"},
		"an error where Secret is missing":                    {"where Secret is missing"},
		"It panics where the URL is relative.":                {"where the URL is"},
		"It builds too, also where one is on the PATH":        {"where one is on"},
		"the activity itself, where it is set":                {"where it is set"},
		"What the CLI starts, where it is a script, are":      {"where it is a"},

		"where the service reaches the callbacks":                      nil,
		"Where the service reaches callbacks, such as https://a.b":     nil,
		"Where the key lives":                                          nil,
		"It lies in the cache folder, where it is found again.":        nil,
		"which says where it redirects to, and where tasks come from":  nil,
		"continueAsNew starts the next run, which goes on where it is": nil,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var found []string
			for _, finding := range checkProse("file.md", text, 1) {
				found = append(found, finding.excerpt)
			}
			require.Equal(t, excerpts, found)
		})
	}
}

func TestGoFile(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 20)
	require.Len(t, "// "+long[:97], 100)
	source := strings.Join([]string{
		"// Package example is none.", // 1
		"package example",             // 2
		"",                            // 3
		"//go:generate echo " + long,  // 4
		"// " + long[:96] + ".",       // 5
		"// " + long[:96] + "s.",      // 6
		"// https://example.com/" + strings.Repeat("x", 99), // 7
		"//\t" + long + "is no prose",                       // 8
		"var code = 1 // " + long,                           // 9
		"",                                                  // 10
		"/*",                                                // 11
		long + "and more",                                   // 12
		"*/",                                                // 13
		"",                                                  // 14
		"func f() {",                                        // 15
		"\tprintln(`the first line",                         // 16
		"is no task id`)",                                   // 17
		"\tprintln(\"a\\n\\nis no number\")",                // 18
		"\t// Output:",                                      // 19
		"\t// it is no number " + long,                      // 20
		"}",                                                 // 21
		"",                                                  // 22
		"type flags struct {",                               // 23
		"\tURL string `name:\"x\" help:\"It is no flag.\"`", // 24
		"}", // 25
	}, "\n")
	findings, err := checkGo("example.go", []byte(source))
	require.NoError(t, err)
	require.Equal(t, []string{
		`example.go:1: "is none.": ` + negationAdvice,
		`example.go:6: "word word word word word word word word …": the comment line has 101 columns: end it at column 100`,
		`example.go:12: "word word word word word word word word …": the comment line has 108 columns: end it at column 100`,
		`example.go:17: "is no task id": ` + negationAdvice,
		`example.go:18: "is no number": ` + negationAdvice,
		`example.go:24: "is no flag.": ` + negationAdvice,
	}, texts(findings))

	findings, err = checkGo("example_test.go", []byte(source))
	require.NoError(t, err)
	require.Equal(t, 3, len(findings), "the texts of tests are not checked, since they may be somebody else's")

	findings, err = checkGo("example.go", []byte("// Code generated by hand. DO NOT EDIT.\n\n"+source))
	require.NoError(t, err)
	require.Empty(t, findings)

	_, err = checkGo("example.go", []byte("no code"))
	require.ErrorContains(t, err, "example.go:1:1: ")
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	page := strings.Join([]string{
		"# Where the key is, it is safe", // 1
		"",                               // 2
		"The key is",                     // 3
		"no flag. " + strings.Repeat("A long line is fine. ", 20), // 4
		"```sh",                                  // 5
		"echo it is no key",                      // 6
		"```",                                    // 7
		"- `is no key`",                          // 8
		"- The first.",                           // 9
		"- Where it fails, it ends.",             // 10
		"| where calls are taken | it is none |", // 11
	}, "\n")
	require.Equal(t, []string{
		`page.md:1: "Where the key is, it": ` + conditionAdvice,
		`page.md:3: "is no flag. A": ` + negationAdvice,
		`page.md:10: "Where it fails, it": ` + conditionAdvice,
		`page.md:11: "is none |": ` + negationAdvice,
	}, texts(checkMarkdown("page.md", page)))
}

func TestRun(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	page := filepath.Join(folder, "page.md")
	require.NoError(t, os.WriteFile(page, []byte("It is no flag.\n"), 0o600))
	for name, test := range map[string]struct {
		names, exceptions string
		status            int
		stdout, stderr    string
	}{
		"nothing to check": {},
		"a finding": {names: page + "\n", status: 1, stdout: page + `:1: "is no flag.": ` + negationAdvice + "\n",
			stderr: "english: 1 findings\n"},
		"an exception": {names: page + "\n", exceptions: "# why\n\n" + page + ": is no flag.\n"},
		"an exception that is not used": {names: page + "\n", exceptions: page + ": is no flag.\n" + page + ": is none\n", status: 1,
			stdout: "tools/english/exceptions.txt:2: nothing is found there any more: remove it\n", stderr: "english: 1 findings\n"},
		"an exception without a file": {exceptions: "is no flag", status: 2,
			stderr: "english: exceptions.txt:1: must be a file, a colon and an excerpt\n"},
		"a missing file": {names: filepath.Join(folder, "missing.md"), status: 2,
			stderr: "english: open " + filepath.Join(folder, "missing.md") + ": no such file or directory\n"},
		"another kind of file": {names: os.Args[0], status: 2,
			stderr: "english: " + os.Args[0] + ": only .go and .md files can be checked\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr strings.Builder
			require.Equal(t, test.status, run(strings.NewReader(test.names), &stdout, &stderr, test.exceptions))
			require.Equal(t, test.stdout, stdout.String())
			require.Equal(t, test.stderr, stderr.String())
		})
	}
}

func texts(findings []finding) []string {
	var texts []string
	for _, found := range findings {
		texts = append(texts, found.String())
	}
	return texts
}
