//go:build linux || darwin

package devserver

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// Tests need processes that they can end: the parent of a server, or several processes that ask at
// the same time. They are this test binary again, in one of these roles.
const (
	roleVariable = "DEVSERVER_TEST_ROLE" // which role, by name
	taskVariable = "DEVSERVER_TEST_TASK" // what to do in it, as JSON

	roleParent  = "parent"  // starts a server, says which, stops it when standard input ends
	roleFinder  = "finder"  // finds a CLI on the PATH, or downloads or builds it
	roleBuilder = "builder" // downloads or builds a tool
)

func TestMain(m *testing.M) {
	roles := map[string]func(task []byte) error{roleParent: parent, roleFinder: finder, roleBuilder: builder}
	name, playing := os.LookupEnv(roleVariable)
	if !playing {
		os.Exit(m.Run())
	}
	if err := roles[name]([]byte(os.Getenv(taskVariable))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type parentTask struct{ CLI, Database string }

// startedServer is the line that a parent prints when its server answers.
type startedServer struct {
	Address         string
	Server, Watcher int // process ids
}

func parent(task []byte) error {
	var wanted parentTask
	if err := json.Unmarshal(task, &wanted); err != nil {
		return err
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	server, err := Start(context.Background(), Options{CLI: wanted.CLI, Database: wanted.Database})
	if err != nil {
		return err
	}
	started := startedServer{server.Address(), server.process.ID(), server.process.WatcherID()}
	if err := json.NewEncoder(os.Stdout).Encode(started); err != nil {
		return err
	}
	go func() {
		for range interrupts {
			fmt.Println("interrupted")
		}
	}()
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return server.Stop()
}

// finderTask names the release, if it is not the real one.
type finderTask struct{ URL, Checksum string }

func finder(task []byte) error {
	var wanted finderTask
	if err := json.Unmarshal(task, &wanted); err != nil {
		return err
	}
	path, err := CLI(context.Background(), Options{
		CLIDownload: os.Getenv("TEMPORAL_CLI_DOWNLOAD"), SearchPath: true, Messages: os.Stderr,
		release: releaseAt(wanted.URL, wanted.Checksum),
	})
	if err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}

// builderTask says what the greeter is made from. URL "": it is not downloaded.
type builderTask struct{ Folder, Cache, GoCommand, URL, Checksum string }

func builder(task []byte) error {
	var wanted builderTask
	if err := json.Unmarshal(task, &wanted); err != nil {
		return err
	}
	path, err := greeter(wanted).path(context.Background(), os.Stderr)
	if err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}

// actor is this test binary in a role.
type actor struct {
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
	errors  *process.LogTail
}

// play starts the role in a process group of its own. It ends with the test, at the latest.
func play(t *testing.T, role string, task any, environment ...string) *actor {
	t.Helper()
	encoded, err := json.Marshal(task)
	require.NoError(t, err)
	executable, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(executable)
	command.Env = append(os.Environ(), roleVariable+"="+role, taskVariable+"="+string(encoded))
	command.Env = append(command.Env, environment...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	played := &actor{command: command, errors: &process.LogTail{}}
	command.Stderr = played.errors
	played.input, err = command.StdinPipe()
	require.NoError(t, err)
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	played.output = bufio.NewReader(output)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return played
}

// line returns the next line of the role's standard output.
func (a *actor) line(t *testing.T) string {
	t.Helper()
	line, err := a.output.ReadString('\n')
	require.NoError(t, err, "the role's standard output ended; its standard error: %v", a.errors.Explain(err))
	return line
}

func (a *actor) startedServer(t *testing.T) startedServer {
	t.Helper()
	var started startedServer
	require.NoError(t, json.Unmarshal([]byte(a.line(t)), &started))
	return started
}

// eventually waits for a condition that is due in an instant. On a busy machine it has more time.
func eventually(t *testing.T, condition func() bool, what string, arguments ...any) {
	t.Helper()
	require.Eventuallyf(t, condition, 30*time.Second, 10*time.Millisecond, what, arguments...)
}

// alive reports whether a process runs. A zombie doesn't.
func alive(t *testing.T, pid int) bool {
	t.Helper()
	output, err := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(pid)).Output()
	return err == nil && len(output) > 0 && output[0] != 'Z'
}

// script makes an executable shell script.
func script(t *testing.T, text string) string {
	t.Helper()
	path := t.TempDir() + "/script"
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700))
	return path
}
