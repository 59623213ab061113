//go:build linux || darwin

package devserver

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

func TestToolIsBuiltOnceByProcessesThatAskAtOnce(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	began, goOn := filepath.Join(folder, "began"), filepath.Join(folder, "go-on")
	slow := script(t, `: > '`+began+`'; while [ ! -e '`+goOn+`' ]; do sleep 0.02; done; exec go "$@"`)
	task := builderTask{Folder: greeterModule(t, greeterSource), Cache: filepath.Join(folder, "cache"), GoCommand: slow}

	first := play(t, roleBuilder, task)
	eventually(t, func() bool { return exists(began) }, "the first process builds")
	second, third := play(t, roleBuilder, task), play(t, roleBuilder, task)
	for _, waiting := range []*actor{second, third} {
		eventually(t, func() bool {
			return waiting.errors.Contains("waiting for another process that downloads or builds the greeter: minutes, on the first run only")
		},
			"the other processes say that they wait")
	}
	require.NoError(t, os.WriteFile(goOn, nil, 0o600))

	path := strings.TrimSuffix(first.line(t), "\n")
	for _, built := range []*actor{first, second, third} {
		if built != first {
			require.Equal(t, path+"\n", built.line(t))
		}
		require.NoError(t, built.command.Wait())
		require.Equal(t, built == first, built.errors.Contains("building the greeter"), "the first process alone builds")
		require.Equal(t, built == first, built.errors.Contains("built the greeter in "))
	}
	greeting, err := exec.Command(path).Output()
	require.NoError(t, err)
	require.Equal(t, "hello from v1\n", string(greeting))

	var messages strings.Builder
	again, err := greeter(task).path(t.Context(), &messages)
	require.NoError(t, err)
	require.Equal(t, path, again)
	require.Empty(t, messages.String(), "nothing is said of a tool that is in the cache")
	require.NoFileExists(t, path+".building")
}

func TestToolIsBuiltAgainWhenItsPinsChange(t *testing.T) {
	t.Parallel()
	task := builderTask{Folder: greeterModule(t, greeterSource), Cache: t.TempDir(), GoCommand: "go"}
	before, err := greeter(task).path(t.Context(), t.Output())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(task.Folder, "go.mod"), []byte("module greeter\n\ngo 1.25\n"), 0o600))
	after, err := greeter(task).path(t.Context(), t.Output())
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	require.FileExists(t, after)
}

func TestBuildShowsASignOfLife(t *testing.T) {
	t.Parallel()
	goOn := filepath.Join(t.TempDir(), "go-on")
	slow := script(t, `echo 'go: downloading example.com/a v1.0.0' >&2; while [ ! -e '`+goOn+`' ]; do sleep 0.02; done
		echo example.com/a >&2; printf example >&2; sleep 0.1; echo .com/b >&2; exec sleep 600`)
	task := builderTask{Folder: greeterModule(t, greeterSource), Cache: t.TempDir(), GoCommand: slow}
	building := greeter(task)
	building.reportEvery = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	messages, failed := &process.LogTail{}, make(chan error, 1)
	go func() {
		_, err := building.path(ctx, messages)
		failed <- err
	}()
	eventually(t, func() bool { return messages.Contains("s: go: downloading example.com/a v1.0.0\n") }, "modules are downloaded")
	require.NoError(t, os.WriteFile(goOn, nil, 0o600))
	eventually(t, func() bool { return messages.Contains("s: 2 packages compiled so far, the latest example.com/b\n") },
		"packages are compiled")
	require.True(t, messages.Contains("still building the greeter after "))
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
}

func TestFailedBuildShowsItsErrorsAndNotThePackages(t *testing.T) {
	t.Parallel()
	log := &buildLog{}
	require.Empty(t, log.signOfLife())
	for _, written := range []string{
		"go: downloading example.com/a v1", ".0.0\n", "example.com/a\nexample.", "com/b\n# example.com/b\nb.go:1:1: undefined: x\n",
		strings.Repeat("example.com/c\n", 40), "the last",
	} {
		_, err := log.Write([]byte(written))
		require.NoError(t, err)
	}
	require.Equal(t, ": 42 packages compiled so far, the latest example.com/c", log.signOfLife())
	require.EqualError(t, log.Explain(errors.New("it failed")), "it failed; its last lines:\n"+
		"go: downloading example.com/a v1.0.0\n# example.com/b\nb.go:1:1: undefined: x\nthe last")
}

func TestToolThatDoesNotCompileSaysWhy(t *testing.T) {
	t.Parallel()
	module := greeterModule(t, "package main\n\nfunc main() { greet() }\n")
	task := builderTask{Folder: module, Cache: t.TempDir(), GoCommand: "go"}
	_, err := greeter(task).path(t.Context(), t.Output())
	require.ErrorContains(t, err, "the greeter can't be built")
	require.ErrorContains(t, err, "undefined: greet")
	require.ErrorContains(t, err, "set TEMPORAL_CLI")
	requireNothingBuilt(t, task.Cache)
}

func TestBuildEndsWhenItIsCanceled(t *testing.T) {
	t.Parallel()
	task, ids := hangingBuild(t)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := greeter(task).path(ctx, t.Output())
		failed <- err
	}()
	processes := readIDs(t, ids)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	for _, process := range processes {
		eventually(t, func() bool { return !alive(t, process) }, "process %d of the build has ended", process)
	}
	requireNothingBuilt(t, task.Cache)
}

func TestBuildEndsWithItsKilledParentAndTheNextOneBuilds(t *testing.T) {
	t.Parallel()
	task, ids := hangingBuild(t)
	killed := play(t, roleBuilder, task)
	processes := readIDs(t, ids)
	require.NoError(t, killed.command.Process.Kill())

	task.GoCommand = "go"
	path, err := greeter(task).path(t.Context(), t.Output())
	require.NoError(t, err)
	require.FileExists(t, path)
	for _, process := range processes {
		require.False(t, alive(t, process), "process %d had ended before the next build began", process)
	}
}

func TestBuildThatOutlivesItsParentAndItsWatcherIsWaitedFor(t *testing.T) {
	t.Parallel()
	task, ids := hangingBuild(t)
	killed := play(t, roleBuilder, task)
	processes := readIDs(t, ids)
	for _, child := range childrenOf(t, killed.command.Process.Pid) {
		if child != processes[0] {
			require.NoError(t, syscall.Kill(child, syscall.SIGKILL), "the watcher")
		}
	}
	require.NoError(t, killed.command.Process.Kill())
	require.Error(t, killed.command.Wait())

	task.GoCommand = "go"
	next := play(t, roleBuilder, task)
	eventually(t, func() bool { return next.errors.Contains("waiting for another process") },
		"what runs of the first build is waited for")
	require.True(t, alive(t, processes[0]))
	require.NoError(t, syscall.Kill(-processes[0], syscall.SIGKILL))
	require.FileExists(t, strings.TrimSuffix(next.line(t), "\n"))
}

func TestWaitForABuildEndsWhenItIsCanceled(t *testing.T) {
	t.Parallel()
	task, ids := hangingBuild(t)
	play(t, roleBuilder, task)
	readIDs(t, ids)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := greeter(task).path(ctx, cancelOnWrite(cancel))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "waiting for the greeter")
}

// cancelOnWrite cancels with the first message.
type cancelOnWrite context.CancelFunc

func (c cancelOnWrite) Write(message []byte) (int, error) {
	c()
	return len(message), nil
}

const greeterSource = `package main

import "fmt"

var version string

func main() { fmt.Println("hello from " + version) }
`

// greeter is a small tool in place of the Temporal CLI.
func greeter(task builderTask) tool {
	return tool{
		name: "greeter", title: "the greeter", version: "1", released: releaseAt(task.URL, task.Checksum),
		folder: task.Folder, unbuilt: errNotInAClone, pkg: "greeter", linker: "-X main.version=v1",
		cache: task.Cache, goCommand: task.GoCommand, reportEvery: stillBuildingEvery,
	}
}

var errNotInAClone = errors.New("not in a clone")

func greeterModule(t *testing.T, source string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string]string{"go.mod": "module greeter\n\ngo 1.26\n", "go.sum": "", "main.go": source} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	return folder
}

// hangingBuild is a build by a go that never ends and that writes its process ids to the file.
func hangingBuild(t *testing.T) (builderTask, string) {
	t.Helper()
	ids := filepath.Join(t.TempDir(), "ids")
	hanging := script(t, `sleep 600 & echo $$ $! > '`+ids+`.part'; mv '`+ids+`.part' '`+ids+`'; wait`)
	return builderTask{Folder: greeterModule(t, greeterSource), Cache: t.TempDir(), GoCommand: hanging}, ids
}

func requireNothingBuilt(t *testing.T, cache string) {
	t.Helper()
	files, err := os.ReadDir(cache)
	require.NoError(t, err)
	for _, file := range files {
		require.True(t, strings.HasSuffix(file.Name(), ".lock"), "%s is left", file.Name())
	}
}

// childrenOf returns the ids of a process's children.
func childrenOf(t *testing.T, parent int) []int {
	t.Helper()
	output, err := exec.Command("ps", "-A", "-o", "ppid=,pid=").Output()
	require.NoError(t, err)
	var children []int
	for line := range strings.Lines(string(output)) {
		ids := strings.Fields(line)
		if len(ids) == 2 && ids[0] == strconv.Itoa(parent) {
			child, err := strconv.Atoi(ids[1])
			require.NoError(t, err)
			children = append(children, child)
		}
	}
	return children
}
