//go:build linux

package cluster

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

var realFlag = flag.Bool("cluster", false, "also run the tests that start clusters; the first run builds the server, which takes minutes")

// parentVariable has this test binary be a parent that a test can kill: it starts a cluster, writes
// its process ids, and waits.
const parentVariable = "CLUSTER_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentVariable) == "" {
		os.Exit(m.Run())
	}
	c, err := Start(context.Background(), Options{Messages: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(leftovers{c.folder, processIDs(c)})
	select {}
}

type leftovers struct {
	Folder    string
	Processes []int
}

func TestServerVersionIsThePinnedOne(t *testing.T) {
	t.Parallel()
	pins, err := os.ReadFile(filepath.Join("..", "..", "tools", "cluster", "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(pins), "\tgo.temporal.io/server v"+serverVersion+" ")
}

func TestEachProcessIsKilledAndStartedAgain(t *testing.T) {
	startsClusters(t)
	c, err := Start(t.Context(), Options{Messages: os.Stderr})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Stop() }) // if the test ends before
	ids, folder := processIDs(c), c.folder
	temporalClient, err := client.Dial(client.Options{HostPort: c.Address(), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer temporalClient.Close()
	running := worker.New(temporalClient, "cluster", worker.Options{})
	running.RegisterWorkflowWithOptions(sleepAMoment, workflow.RegisterOptions{Name: "sleepAMoment"})
	require.NoError(t, running.Start())
	defer running.Stop()

	for _, member := range c.Members() {
		before := member.ProcessID()
		require.NoError(t, member.Kill(), member.Name)
		require.False(t, alive(before), member.Name)
		require.NoError(t, member.Restart(t.Context()), member.Name)
		require.NotEqual(t, before, member.ProcessID(), member.Name)
		ids = append(ids, member.ProcessID())
		require.Eventually(t, func() bool {
			run, err := temporalClient.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "cluster"}, "sleepAMoment")
			return err == nil && run.Get(t.Context(), nil) == nil
		}, 2*time.Minute, time.Second, "no workflow after %s was killed", member.Name)
		require.NoError(t, c.Err(), member.Name)
	}

	require.NoError(t, c.Stop())
	require.NoError(t, c.Err())
	for _, id := range ids {
		require.Eventually(t, func() bool { return !alive(id) }, 10*time.Second, 20*time.Millisecond, "process %d is left", id)
	}
	require.NoDirExists(t, folder)
	require.NoError(t, c.Stop(), "once more")
}

func sleepAMoment(ctx workflow.Context) error { return workflow.Sleep(ctx, 100*time.Millisecond) }

func TestProcessThatEndsByItselfIsTold(t *testing.T) {
	startsClusters(t)
	c, err := Start(t.Context(), Options{Messages: os.Stderr})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	require.NoError(t, exec.Command("kill", "-KILL", fmt.Sprint(c.member(Matching).ProcessID())).Run())
	select {
	case <-c.Done():
	case <-time.After(time.Minute):
		require.Fail(t, "the cluster does not notice")
	}
	require.ErrorContains(t, c.Err(), "matching of the Temporal cluster: ended by itself")
}

func TestClusterEndsWithItsParent(t *testing.T) {
	startsClusters(t)
	program, err := os.Executable()
	require.NoError(t, err)
	parent := exec.Command(program)
	parent.Env, parent.Stderr = append(os.Environ(), parentVariable+"=yes"), os.Stderr
	output, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	var left leftovers
	require.NoError(t, json.NewDecoder(output).Decode(&left))
	t.Cleanup(func() { _ = os.RemoveAll(left.Folder) })
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	for _, id := range left.Processes {
		require.Eventually(t, func() bool { return !alive(id) }, time.Minute, 20*time.Millisecond, "process %d is left", id)
	}
}

func startsClusters(t *testing.T) {
	t.Helper()
	if !*realFlag {
		t.Skip("it starts a cluster: run it with -cluster")
	}
}

// processIDs are those of all processes, PostgreSQL's children among them.
func processIDs(c *Cluster) (ids []int) {
	for _, member := range c.Members() {
		ids = append(ids, member.ProcessID())
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", c.member(PostgreSQL).ProcessID()))
	for id := range strings.FieldsSeq(string(children)) {
		var child int
		_, _ = fmt.Sscan(id, &child)
		ids = append(ids, child)
	}
	return ids
}

// alive reports whether the process is there and has not ended.
func alive(id int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	return err == nil && !strings.Contains(string(text), ") Z ")
}
