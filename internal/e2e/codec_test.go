package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// codecServer is a user's codec server, which may be away.
type codecServer struct {
	*httptest.Server
	away atomic.Bool
}

const codecAuth = "Bearer c0dec"

func startCodecServer(t *testing.T) *codecServer {
	t.Helper()
	c := &codecServer{}
	codec := converter.NewPayloadCodecHTTPHandler(converter.NewZlibCodec(converter.ZlibCodecOptions{AlwaysEncode: true}))
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case c.away.Load():
			panic(http.ErrAbortHandler) // the connection is closed
		case r.Header.Get("Authorization") != codecAuth:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			codec.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// encryptedFixture is a worker and what a starter needs, all of which use the codec server. The
// Temporal server is the test's own: the histories of the shared one are replayed without a codec.
type encryptedFixture struct {
	codec          *codecServer
	service        *simulator.Server
	taskQueue      string
	worker         *harness.Process
	starter        []string // its environment
	temporalClient client.Client
}

func newEncryptedFixture(t *testing.T) encryptedFixture {
	t.Helper()
	server := harness.StartServer(t, devserver.Options{})
	f := encryptedFixture{codec: startCodecServer(t), service: harness.StartSimulator(t), taskQueue: harness.NewTaskQueue()}
	f.temporalClient = harness.DialWith(t, client.Options{HostPort: server.Address()})

	f.worker = harness.StartProcess(t, harness.WorkerCommand([]string{
		"TWOCAPTCHA_API_KEY=" + harness.ClientKey, "TEMPORAL_ADDRESS=" + server.Address(),
		"TEMPORAL_CODEC_ENDPOINT=" + f.codec.URL, "TEMPORAL_CODEC_AUTH=" + codecAuth,
	}, f.taskQueue, f.service.URL()))
	f.worker.WaitForOutput(t, harness.WorkerStarted)

	file := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "[profile.default]\naddress = %q\n[profile.default.codec]\nendpoint = %q\nauth = %q\n",
		server.Address(), f.codec.URL, codecAuth), 0o600))
	f.starter = []string{"TEMPORAL_CONFIG_FILE=" + file}
	return f
}

func (f encryptedFixture) start(t *testing.T, arguments ...string) *harness.Process {
	t.Helper()
	return harness.StartProcess(t, harness.Command{
		Path: harness.StarterPath(), Environment: f.starter,
		Arguments: append([]string{"--task-queue", f.taskQueue, "--initial-delay", "1ms"}, arguments...),
	})
}

func TestCodecServerKeepsSolutionsFromTheHistory(t *testing.T) {
	t.Parallel()
	f := newEncryptedFixture(t)
	ready, failed := harness.NewTaskID(), harness.NewTaskID()
	f.service.Script(ready, simulator.Ready(`{"text":"a-secret-solution"}`))
	f.service.Script(failed, simulator.Processing(), simulator.Body(
		`{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"a-secret-description"}`))

	done := f.start(t, strconv.FormatInt(ready, 10), strconv.FormatInt(failed, 10)).Wait(t)
	require.Equal(t, 1, done.Status, done.Stderr)
	lines := harness.LinesByTask(t, done.Stdout)
	require.Contains(t, lines[ready], `"solution":{"text":"a-secret-solution"}`)
	require.Contains(t, lines[failed], `"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"a-secret-description","polls":2`)

	for _, taskID := range []int64{ready, failed} {
		history, err := harness.History(harness.Context(t), f.temporalClient, workflows.WorkflowID(taskID), "", false)
		require.NoError(t, err)
		payloads := 0
		for _, event := range history.GetEvents() {
			require.NotContains(t, event.String(), "a-secret-solution")
			err := proxy.VisitPayloads(context.Background(), event, proxy.VisitPayloadsOptions{
				Visitor: func(_ *proxy.VisitPayloadsContext, group []*commonpb.Payload) ([]*commonpb.Payload, error) {
					for _, payload := range group {
						payloads++
						require.Equal(t, "binary/zlib", string(payload.GetMetadata()["encoding"]), event)
					}
					return group, nil
				},
			})
			require.NoError(t, err)
		}
		require.Greater(t, payloads, 4, "input, summaries, and what was polled")
	}
}

// TestCodecServerThatGoesAway lets the codec server be away while the worker is told of a callback,
// and as a starter begins.
func TestCodecServerThatGoesAway(t *testing.T) {
	t.Parallel()
	f := newEncryptedFixture(t)
	taskID := harness.NewTaskID()
	f.service.Script(taskID, simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	starter := f.start(t, "--poll-interval", "1h", "--timeout", "2h", strconv.FormatInt(taskID, 10))
	starter.WaitForOutput(t, fmt.Sprintf("task %d: started", taskID))
	harness.WaitForEvents(t, f.temporalClient, taskID, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)

	f.codec.away.Store(true)
	// A wake-up that can't be decoded must be neither lost nor taken for another one.
	require.NoError(t, f.temporalClient.SignalWorkflow(harness.Context(t), workflows.WorkflowID(taskID), "",
		workflows.TaskCallbackSignal, workflows.TaskCallback{TaskID: taskID}))
	event := harness.WaitForEvents(t, f.temporalClient, taskID, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED)
	require.Contains(t, event.GetWorkflowTaskFailedEventAttributes().GetFailure().GetMessage(),
		"the codec server at "+f.codec.Listener.Addr().String()+" can't be reached")
	f.codec.away.Store(false)

	// The second poll is under way 5 s after the first one.
	require.NoError(t, f.service.WaitForRequests(harness.Context(t), taskID, 2))
	done := starter.Wait(t)
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Contains(t, done.Stdout, `"solution":{"text":"abc"}`)
	harness.RequireSpaced(t, f.service, taskID)

	f.codec.away.Store(true)
	cannotStart := f.start(t, strconv.FormatInt(taskID, 10)).Wait(t)
	require.Equal(t, 1, cannotStart.Status)
	require.Equal(t, fmt.Sprintf("starter: task %d: its workflow can't be started: the codec server at %s can't be reached: "+
		"start it, or set TEMPORAL_CODEC_ENDPOINT (EOF)\n", taskID, f.codec.Listener.Addr()), firstLine(cannotStart.Stderr))
	require.Empty(t, cannotStart.Stdout)
}

// TestCodecServerThatIsAwayAsPollsEnd lets results and verdicts come that can't be encoded.
func TestCodecServerThatIsAwayAsPollsEnd(t *testing.T) {
	t.Parallel()
	f := newEncryptedFixture(t)
	ready, failed := harness.NewTaskID(), harness.NewTaskID()
	f.service.Script(ready, simulator.Ready(`{"text":"abc"}`).WithDelay(2*time.Second))
	f.service.Script(failed, simulator.Error("ERROR_CAPTCHA_UNSOLVABLE").WithDelay(2*time.Second))
	starter := f.start(t, strconv.FormatInt(ready, 10), strconv.FormatInt(failed, 10))
	for _, taskID := range []int64{ready, failed} {
		require.NoError(t, f.service.WaitForRequests(harness.Context(t), taskID, 1))
	}
	f.codec.away.Store(true)
	for _, taskID := range []int64{ready, failed} {
		harness.WaitForFailedAttempt(t, f.temporalClient,
			f.temporalClient.GetWorkflow(harness.Context(t), workflows.WorkflowID(taskID), ""))
	}
	f.codec.away.Store(false)

	done := starter.Wait(t)
	require.Equal(t, 1, done.Status, done.Stderr)
	lines := harness.LinesByTask(t, done.Stdout)
	require.Contains(t, lines[ready], `"solution":{"text":"abc"}`)
	require.Contains(t, lines[failed], `"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE"`)
	for _, taskID := range []int64{ready, failed} {
		harness.RequireSpaced(t, f.service, taskID)
	}
}

func firstLine(text string) string {
	for i := range text {
		if text[i] == '\n' {
			return text[:i+1]
		}
	}
	return text
}
