package devserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// MinimumCLIVersion is the version of the Temporal CLI that is downloaded, that tools/temporal
// pins, and the oldest that is taken from the PATH.
const MinimumCLIVersion = "1.5.1"

const (
	modulePath = "github.com/temporal-providers/temporal-2captcha"
	cliPackage = "github.com/temporalio/cli/cmd/temporal"
	// cliVersionVariable holds what temporal --version says.
	cliVersionVariable = "github.com/temporalio/cli/temporalcli.Version"

	versionTimeout = 30 * time.Second
)

// CLI returns the path of the Temporal CLI that Start runs with the same options. If none is at
// hand, it is downloaded, in seconds, or else built, in minutes, unless ctx ends that. Processes
// and goroutines that ask at the same time share one download and one build.
func CLI(ctx context.Context, options Options) (string, error) {
	messages := options.Messages
	if messages == nil {
		messages = io.Discard
	}
	downloading, err := downloads(options.CLIDownload)
	if err != nil {
		return "", err
	}
	if options.CLI != "" {
		return namedCLI(options.CLI)
	}
	if options.SearchPath {
		if path, found := cliOnPath(ctx, messages); found {
			return path, nil
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder to keep the Temporal CLI in: %w; %s", err, insteadOfBuilding)
	}
	var released *archive
	if downloading {
		released = releasedCLI(runtime.GOOS, runtime.GOARCH)
		if options.release != nil {
			released = options.release
		}
	}
	_, source, _, _ := runtime.Caller(0)
	folder, unbuilt := cliToolFolder(source)
	return tool{
		name:        "temporal",
		title:       "the Temporal CLI " + MinimumCLIVersion,
		version:     MinimumCLIVersion,
		released:    released,
		folder:      folder,
		unbuilt:     unbuilt,
		pkg:         cliPackage,
		linker:      "-X " + cliVersionVariable + "=" + MinimumCLIVersion,
		cache:       filepath.Join(cache, "temporal-2captcha"),
		goCommand:   "go",
		reportEvery: stillBuildingEvery,
	}.path(ctx, messages)
}

// insteadOfBuilding is what a person can do if the pinned CLI can't be built.
const insteadOfBuilding = "set TEMPORAL_CLI to a Temporal CLI, or install temporal " + MinimumCLIVersion +
	" or later on the PATH (https://docs.temporal.io/cli)"

func namedCLI(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		reason := err
		var failed *exec.Error
		if errors.As(err, &failed) {
			reason = failed.Err
		}
		return "", fmt.Errorf("the Temporal CLI %q, named by TEMPORAL_CLI, can't be run: %w", name, reason)
	}
	return path, nil
}

// cliOnPath returns the temporal on the PATH, if it is recent enough.
func cliOnPath(ctx context.Context, messages io.Writer) (string, bool) {
	path, err := exec.LookPath("temporal")
	if err != nil {
		return "", false
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, path, "--version")
	command.Env = process.EnvironmentWithout(os.Environ(), "TWOCAPTCHA_", "TEMPORAL_")
	command.WaitDelay = process.OutputPatience
	output, err := command.Output()
	said, known := parseVersion(string(output))
	minimum, _ := parseVersion(MinimumCLIVersion)
	if err == nil && known && said.atLeast(minimum) {
		return path, true
	}
	says := "does not say its version"
	if line := strings.TrimSpace(string(output)); err == nil && line != "" {
		says = fmt.Sprintf("says %q", line)
	}
	fmt.Fprintf(messages, "%s is not used: it %s, and %s or later is needed\n", path, says, MinimumCLIVersion)
	return "", false
}

// cliToolFolder is toolFolder with this process's working directory.
func cliToolFolder(source string) (string, error) {
	working, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("no working directory to look for tools/temporal in: %w; %s", err, insteadOfBuilding)
	}
	return toolFolder(source, working)
}

// toolFolder is tools/temporal of the clone that this package's source file is in. For a program
// that was built without its sources' paths it is that of the clone that the working directory is
// in.
func toolFolder(source, working string) (string, error) {
	if filepath.IsAbs(source) {
		if folder, found := toolFolderIn(filepath.Dir(filepath.Dir(filepath.Dir(source)))); found {
			return folder, nil
		}
	}
	for folder := working; ; folder = filepath.Dir(folder) {
		if isModule(folder) {
			if tools, found := toolFolderIn(folder); found {
				return tools, nil
			}
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("no Temporal CLI: %s is not in a clone of %s, whose tools/temporal says how to build it; %s",
				working, modulePath, insteadOfBuilding)
		}
	}
}

func toolFolderIn(module string) (string, bool) {
	folder := filepath.Join(module, "tools", "temporal")
	return folder, exists(filepath.Join(folder, "go.mod"))
}

// isModule reports whether the folder's go.mod is this module's.
func isModule(folder string) bool {
	file, err := os.Open(filepath.Join(folder, "go.mod"))
	if err != nil {
		return false
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if strings.Join(strings.Fields(lines.Text()), " ") == "module "+modulePath {
			return true
		}
	}
	return false
}
