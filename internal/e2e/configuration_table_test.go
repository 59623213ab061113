package e2e

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
)

const moduleRoot = "../.."

// TestConfigurationTable compares the table of docs/operations.md with what the commands say and
// with what the code names.
func TestConfigurationTable(t *testing.T) {
	t.Parallel()
	table := readConfigurationTable(t)
	helpTexts := ""
	for name, command := range map[string][]string{
		"worker": {harness.WorkerPath()}, "starter": {harness.StarterPath()},
		"solve": {harness.StarterPath(), "solve"}, "balance": {harness.StarterPath(), "balance"},
		"report": {harness.StarterPath(), "report"}, "callback-url": {harness.StarterPath(), "callback-url"},
	} {
		help := harness.StartProcess(t, harness.Command{Path: command[0], Arguments: append(command[1:], "--help")}).Wait(t).Stdout
		require.Equal(t, flagsInHelp(help), table.flagsOf(name), "of %s: --help has the first, docs/operations.md the second", name)
		helpTexts += help
	}

	source := variablesInSource(t)
	for _, row := range table {
		for _, variable := range row.variables {
			named := len(source)
			beginning, isBeginning := strings.CutSuffix(variable, "*")
			maps.DeleteFunc(source, func(name string, _ bool) bool {
				return name == variable || isBeginning && strings.HasPrefix(name, beginning)
			})
			require.Truef(t, len(source) < named || strings.Contains(helpTexts, variable),
				"%s is in the table, but neither in the code nor in any --help", variable)
		}
	}
	require.Empty(t, slices.Sorted(maps.Keys(source)), "the code names these variables, docs/operations.md does not")
}

// configurationRow is a row of the table: what can be set, and in which commands.
type configurationRow struct {
	variables []string // a trailing * stands for any end
	flag      string   // with its dashes; "": none
	commands  []string
}

type configurationTable []configurationRow

// flagsOf are a command's flags, each with the variable that sets it too, or with none.
func (t configurationTable) flagsOf(command string) map[string]string {
	flags := map[string]string{}
	for _, row := range t {
		if row.flag != "" && (slices.Contains(row.commands, command) || slices.Contains(row.commands, "all")) {
			flags[row.flag] = strings.Join(row.variables, " ")
		}
	}
	return flags
}

func readConfigurationTable(t *testing.T) configurationTable {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(moduleRoot, "docs", "operations.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(page), "\n## Configuration\n")
	require.True(t, found, "docs/operations.md has no section Configuration")
	section, _, _ = strings.Cut(section, "\n## ")
	var table configurationTable
	variable, flag := regexp.MustCompile("`([A-Z][A-Z_]+\\*?)`"), regexp.MustCompile("`(--[a-z-]+)`")
	for line := range strings.Lines(section) {
		cells := strings.Split(line, " | ")
		if len(cells) != 4 || !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") || cells[0] == "| variable" {
			continue
		}
		row := configurationRow{commands: strings.Split(cells[2], ", ")}
		for _, match := range variable.FindAllStringSubmatch(cells[0], -1) {
			row.variables = append(row.variables, match[1])
		}
		if match := flag.FindStringSubmatch(cells[1]); match != nil {
			row.flag = match[1]
		}
		require.Truef(t, row.flag != "" || len(row.variables) > 0, "a row without a name: %s", line)
		table = append(table, row)
	}
	require.NotEmpty(t, table, "docs/operations.md has no table in its section Configuration")
	return table
}

// flagsInHelp are the flags that a --help lists, each with the variable that it says sets it too.
func flagsInHelp(help string) map[string]string {
	flags := map[string]string{}
	_, list, _ := strings.Cut(help, "\nFlags:\n")
	name := regexp.MustCompile(`(?m)^ {2,6}(?:-\w, )?(--[a-z-]+)`) // a line that goes on is indented further
	starts := name.FindAllStringSubmatchIndex(list, -1)
	for i, start := range starts {
		end := len(list)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		_, variable, _ := strings.Cut(strings.Join(strings.Fields(list[start[1]:end]), " "), "Environment: ")
		flags[list[start[2]:start[3]]] = strings.TrimSuffix(variable, ".")
	}
	return flags
}

// variablesInSource are the variables that the product's code names.
func variablesInSource(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	variable := regexp.MustCompile(`\b(?:TWOCAPTCHA|TEMPORAL|OTEL)_[A-Z_]+`)
	for _, folder := range []string{"activities", "callback", "internal/command", "internal/devserver", "provider", "starter", "twocaptcha",
		"worker", "workflows"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(moduleRoot, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			code, err := os.ReadFile(path)
			for _, name := range variable.FindAllString(string(code), -1) {
				names[name] = true
			}
			return err
		}))
	}
	require.NotEmpty(t, names)
	return names
}
