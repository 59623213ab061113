//go:build linux || darwin

package process_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// roleVariable has this test binary be a parent that a test can kill. It starts the shell script
// that the variable holds, says its process ids, and waits.
const roleVariable = "PROCESS_TEST_SCRIPT"

func TestMain(m *testing.M) {
	script, playing := os.LookupEnv(roleVariable)
	if !playing {
		os.Exit(m.Run())
	}
	if err := parent(script); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type startedIDs struct{ Program, Watcher int }

func parent(script string) error {
	program, err := process.Start(shell(script))
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(startedIDs{program.ID(), program.WatcherID()}); err != nil {
		return err
	}
	<-program.Ended()
	return nil
}

func TestProgramGetsItsArgumentsFolderEnvironmentAndInput(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var output, errors bytes.Buffer
	command := shell(`echo "$1|$2"; pwd -P; env | grep -c SETTING; cat; echo trouble >&2`, "an argument", "$HOME '")
	command.Folder, command.Environment = folder, append(command.Environment, "SETTING=1")
	command.Input, command.Output, command.Errors = strings.NewReader("line 1\nline 2"), &output, &errors
	ended := run(t, command)
	require.Equal(t, 0, ended.Status())
	require.Equal(t, "exit status 0", ended.Outcome())
	require.Equal(t, "an argument|$HOME '\n"+realPath(t, folder)+"\n1\nline 1\nline 2", output.String())
	require.Equal(t, "trouble\n", errors.String())
}

func TestProgramWithoutInputReadsNothing(t *testing.T) {
	t.Parallel()
	var output bytes.Buffer
	command := shell(`cat; echo read`)
	command.Output = &output
	run(t, command)
	require.Equal(t, "read\n", output.String())
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script  string
		status  int
		outcome string
	}{
		"success":         {"exit 0", 0, "exit status 0"},
		"failure":         {"exit 3", 3, "exit status 3"},
		"its own signal":  {"kill -s TERM $$", -1, "signal: terminated"},
		"no such program": {"exec /no/such/program", 127, "exit status 127"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := run(t, shell(test.script))
			require.Equal(t, test.status, ended.Status())
			require.Equal(t, test.outcome, ended.Outcome())
		})
	}
}

func TestInheritedFilesStayOpenAndNoOtherDoes(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	var output bytes.Buffer
	// Descriptor 3 is the one by which the program is held, until it runs.
	command := shell(`echo inherited >&4; (: >&3) 2>/dev/null || echo closed`)
	command.Inherited, command.Output = []*os.File{write}, &output
	run(t, command)
	require.NoError(t, write.Close())
	content, err := io.ReadAll(read)
	require.NoError(t, err, "only the program had the file too")
	require.Equal(t, "inherited\n", string(content))
	require.Equal(t, "closed\n", output.String())
}

func TestSignalReachesTheWholeGroupAndNothingAfterItsEnd(t *testing.T) {
	t.Parallel()
	program, output := start(t, `sleep 600 & echo $$ $!; wait`)
	ids := readIDs(t, output)
	require.Equal(t, program.ID(), ids[0])
	require.False(t, program.EndsWithin(time.Millisecond))
	program.Signal(syscall.SIGTERM)
	requireEnds(t, program)
	require.Equal(t, -1, program.Status())
	requireGone(t, append(ids, program.WatcherID())...)
	program.Signal(syscall.SIGKILL)
}

func TestWhatAProgramLeavesBehindIsKilled(t *testing.T) {
	t.Parallel()
	program, output := start(t, `trap '' HUP TERM; sleep 600 & echo $$ $!`)
	ids := readIDs(t, output)
	requireEnds(t, program)
	require.Equal(t, 0, program.Status())
	requireGone(t, ids...)
}

func TestProgramEndsWhenTheParentIsKilled(t *testing.T) {
	t.Parallel()
	executable, err := os.Executable()
	require.NoError(t, err)
	owner := exec.Command(executable)
	owner.Env = append(os.Environ(), roleVariable+"=trap '' HUP INT TERM; sleep 600 & wait")
	output, err := owner.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, owner.Start())
	t.Cleanup(func() { _ = owner.Wait() })
	t.Cleanup(func() { _ = owner.Process.Kill() })
	var started startedIDs
	require.NoError(t, json.NewDecoder(output).Decode(&started))
	require.True(t, groupAlive(t, started.Program))

	require.NoError(t, syscall.Kill(started.Watcher, syscall.SIGTERM), "signals don't stop the watcher")
	require.NoError(t, owner.Process.Kill())
	requireGone(t, started.Program, started.Watcher)
	require.Eventually(t, func() bool { return !groupAlive(t, started.Program) }, 30*time.Second, 10*time.Millisecond,
		"what the program ran has ended")
}

func TestStartFailsIfTheFolderIsMissing(t *testing.T) {
	t.Parallel()
	command := shell("exit 0")
	command.Folder = t.TempDir() + "/missing"
	_, err := process.Start(command)
	require.ErrorContains(t, err, "no such file or directory")
}

func TestEnvironmentWithout(t *testing.T) {
	t.Parallel()
	environment := []string{"TEMPORAL_ADDRESS=a", "GOFLAGS=-x", "GOFLAGS2=y", "PATH=/TEMPORAL_", "HOME=/"}
	require.Equal(t, []string{"GOFLAGS2=y", "PATH=/TEMPORAL_", "HOME=/"},
		process.EnvironmentWithout(environment, "TEMPORAL_", "GOFLAGS="))
	require.Equal(t, environment, process.EnvironmentWithout(environment))
}

// shell is a command that runs the script.
func shell(script string, arguments ...string) process.Command {
	return process.Command{
		Path:        "/bin/sh",
		Arguments:   append([]string{"-c", script, "sh"}, arguments...),
		Environment: []string{"PATH=" + os.Getenv("PATH")},
	}
}

// run returns the program when it has ended.
func run(t *testing.T, command process.Command) *process.Process {
	t.Helper()
	program, err := process.Start(command)
	require.NoError(t, err)
	requireEnds(t, program)
	return program
}

// start returns the program and the file that its output goes to. The program ends with the test.
func start(t *testing.T, script string) (*process.Process, *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { read.Close() })
	defer write.Close()
	command := shell(script)
	command.Output = write
	program, err := process.Start(command)
	require.NoError(t, err)
	t.Cleanup(func() {
		program.Signal(syscall.SIGKILL)
		<-program.Ended()
	})
	return program, read
}

func requireEnds(t *testing.T, program *process.Process) {
	t.Helper()
	require.True(t, program.EndsWithin(30*time.Second), "process %d ends", program.ID())
	<-program.Ended()
}

// readIDs reads the two process ids that a script writes.
func readIDs(t *testing.T, output io.Reader) []int {
	t.Helper()
	ids := make([]int, 2)
	_, err := fmt.Fscan(output, &ids[0], &ids[1])
	require.NoError(t, err)
	return ids
}

func requireGone(t *testing.T, ids ...int) {
	t.Helper()
	for _, id := range ids {
		require.Eventually(t, func() bool { return !alive(id) }, 30*time.Second, 10*time.Millisecond, "process %d has ended", id)
	}
}

// alive reports whether a process runs. A zombie doesn't.
func alive(id int) bool {
	output, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(id)).Output()
	return err == nil && len(output) > 0 && output[0] != 'Z'
}

// groupAlive reports whether a process of the group runs.
func groupAlive(t *testing.T, group int) bool {
	t.Helper()
	output, err := exec.Command("ps", "-A", "-o", "pgid=,stat=").Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		if len(fields) == 2 && fields[0] == strconv.Itoa(group) && fields[1][0] != 'Z' {
			return true
		}
	}
	return false
}

func realPath(t *testing.T, folder string) string {
	t.Helper()
	output, err := exec.Command("/bin/sh", "-c", `cd "$1" && pwd -P`, "sh", folder).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(output))
}
