package twocaptchatest_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

const modulePath = "github.com/temporal-providers/temporal-2captcha"

// Another module can't import internal packages, so this compiles only if the examples need none:
// readers can copy them.
func TestExamplesCompileInAnotherModule(t *testing.T) {
	t.Parallel()
	checkout, err := filepath.Abs("..")
	require.NoError(t, err)
	outside := t.TempDir()
	write := func(name string, content []byte) {
		path := filepath.Join(outside, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, content, 0o644))
	}
	for _, folder := range []string{
		"twocaptchatest", "twocaptchatest/environment", "twocaptcha", "activities", "workflows", "provider", "callback",
	} {
		files, err := filepath.Glob(filepath.Join(checkout, folder, "example_*_test.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files, "examples in %s", folder)
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			write(filepath.Join(folder, filepath.Base(file)), content)
		}
	}
	write("go.mod", fmt.Appendf(nil, "module example.com/outside\n\ngo 1.26.0\n\nrequire %s v0.0.0\n\nreplace %s => %s\n",
		modulePath, modulePath, checkout))
	sums, err := os.ReadFile(filepath.Join(checkout, "go.sum"))
	require.NoError(t, err)
	write("go.sum", sums)

	// The analyzer "tests" would miss the packages that the examples' names speak of.
	runGo(t, outside, "vet", "-mod=mod", "-tests=false", "./...")
	runGo(t, outside, "test", "-mod=mod", "-vet=off", "./twocaptchatest/...")
}

func TestOnlyTheStandardLibraryAndThisModuleAreImported(t *testing.T) {
	t.Parallel()
	packages := runGo(t, ".", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	for path := range strings.FieldsSeq(packages) {
		require.True(t, strings.HasPrefix(path, modulePath+"/"), "%s is imported", path)
	}
}

// A page that leads to internal packages leaves its reader with nothing.
func TestDocumentationNamesNoInternalType(t *testing.T) {
	t.Parallel()
	documentation := runGo(t, ".", "doc", "-all", ".")
	require.Contains(t, documentation, "func Start(options Options) (*Server, error)")
	require.NotContains(t, documentation, "simulator.")
	require.NotContains(t, documentation, "internal/")
}

// runGo returns what the go command prints. It reaches no network: all that it needs is there
// already.
func runGo(t *testing.T, folder string, arguments ...string) string {
	t.Helper()
	goCommand, err := exec.LookPath("go")
	require.NoError(t, err)
	var output, errors bytes.Buffer
	running, err := process.Start(process.Command{
		Path:      goCommand,
		Arguments: arguments,
		Folder:    folder,
		Environment: append(process.EnvironmentWithout(os.Environ(), "GOFLAGS=", "GOPROXY=", "GOWORK="),
			"GOPROXY=off", "GOWORK=off"),
		Output: &output,
		Errors: &errors,
	})
	require.NoError(t, err)
	<-running.Ended()
	require.Zero(t, running.Status(), "go %s: %s%s", strings.Join(arguments, " "), &output, &errors)
	return output.String()
}
