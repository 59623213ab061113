package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fakeServer answers DescribeNamespace. Other methods panic.
type fakeServer struct {
	workflowservice.WorkflowServiceClient
	namespace atomic.Pointer[func(context.Context) error]
}

func (f *fakeServer) DescribeNamespace(ctx context.Context, _ *workflowservice.DescribeNamespaceRequest,
	_ ...grpc.CallOption) (*workflowservice.DescribeNamespaceResponse, error) {
	return nil, (*f.namespace.Load())(ctx)
}

func served(context.Context) error { return nil }

// frozen answers nothing.
func frozen(ctx context.Context) error {
	<-ctx.Done()
	return serviceerror.NewDeadlineExceeded("no answer")
}

// idle is a poll for which there is no task.
func idle(ctx context.Context, _ string) error {
	select {
	case <-time.After(time.Minute):
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func refusing(err error) func(context.Context, string) error {
	return func(context.Context, string) error { return err }
}

// watchedWorker is a readiness whose server is a fake one, which a worker polls as the SDK does.
type watchedWorker struct {
	*readiness
	server fakeServer
	poll   atomic.Pointer[func(ctx context.Context, method string) error]
	key    atomic.Pointer[error]
	log    bytes.Buffer // under the readiness's mutex
}

func (w *watchedWorker) serverIs(namespace func(context.Context) error) {
	w.server.namespace.Store(&namespace)
}

func (w *watchedWorker) pollsAre(poll func(ctx context.Context, method string) error) {
	w.poll.Store(&poll)
}

func (w *watchedWorker) logged() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.log.String()
}

func (w *watchedWorker) keyIs(err error) { w.key.Store(&err) }

// inTime runs the test in a bubble whose clock skips. Whatever a probe is told, it is told at once.
func inTime(t *testing.T, test func(t *testing.T, w *watchedWorker, drain func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &watchedWorker{}
		w.serverIs(served)
		w.pollsAre(idle)
		w.keyIs(nil)
		w.readiness = newReadiness(settings{
			client:  client.Options{HostPort: "temporal:7233", Namespace: "captchas"},
			lostKey: func() error { return *w.key.Load() },
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.waitUntilItSays(t, "the Temporal server at temporal:7233 has not answered yet", 0)
		var running sync.WaitGroup
		running.Go(func() { _ = healthWatch{w.readiness, &w.server, slog.New(slog.NewTextHandler(&w.log, nil))}.Run(ctx) })
		for _, method := range []string{
			workflowservice.WorkflowService_PollWorkflowTaskQueue_FullMethodName,
			workflowservice.WorkflowService_PollActivityTaskQueue_FullMethodName,
		} {
			for i := range 2 { // the polls of several pollers end at different times
				running.Go(func() {
					select {
					case <-time.After(time.Duration(i) * 40 * time.Second):
						w.pollFrom(ctx, method)
					case <-ctx.Done():
					}
				})
			}
		}
		test(t, w, cancel)
		cancel()
		running.Wait()
	})
}

func (w *watchedWorker) pollFrom(ctx context.Context, method string) {
	for delay := 200 * time.Millisecond; ctx.Err() == nil; {
		pollCtx, cancel := context.WithTimeout(ctx, 70*time.Second)
		err := w.watchPoll(pollCtx, method, nil, nil, nil,
			func(ctx context.Context, method string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
				return (*w.poll.Load())(ctx, method)
			})
		cancel()
		if err == nil {
			delay = 200 * time.Millisecond
			continue
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
		delay = min(2*delay, 10*time.Second)
	}
}

// waitUntilItSays waits, for at most atMost, until the problem is this one; "": there is none.
func (w *watchedWorker) waitUntilItSays(t *testing.T, problem string, atMost time.Duration) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		got := ""
		if err := w.problem(); err != nil {
			got = err.Error()
		}
		if got == problem {
			return
		}
		require.Less(t, time.Since(begun), atMost, "it says %q, not %q", got, problem)
	}
}

// staysReady requires that the worker is ready all the time.
func (w *watchedWorker) staysReady(t *testing.T, duration time.Duration) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < duration; time.Sleep(100 * time.Millisecond) {
		require.NoError(t, w.problem(), "after %s", time.Since(begun))
	}
}

func TestIdleWorkerIsReady(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, w *watchedWorker, drain func()) {
		w.waitUntilItSays(t, "", 10*time.Second)
		w.staysReady(t, time.Hour)
		drain()
		synctest.Wait()
		w.waitUntilItSays(t, "the worker is stopping: what is under way finishes", 0)
	})
}

func TestBusyWorkerIsReady(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, w *watchedWorker, _ func()) {
		w.pollsAre(func(context.Context, string) error {
			time.Sleep(10 * time.Millisecond)
			return nil
		})
		w.waitUntilItSays(t, "", 3*time.Minute)
		w.staysReady(t, 5*time.Minute)
	})
}

func TestLostServerIsNotReady(t *testing.T) {
	t.Parallel()
	for name, namespace := range map[string]func(context.Context) error{
		"frozen":  frozen,
		"killed":  func(context.Context) error { return serviceerror.NewUnavailable("connection refused") },
		"failing": func(context.Context) error { return serviceerror.NewInternal("no database") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, func(t *testing.T, w *watchedWorker, _ func()) {
				w.waitUntilItSays(t, "", 10*time.Second)
				w.serverIs(namespace)
				w.staysReady(t, 10*time.Second)
				w.waitUntilItSays(t, "the Temporal server at temporal:7233 has not answered for 16s", 12*time.Second)
				w.waitUntilItSays(t, "the Temporal server at temporal:7233 has not answered for 10m0s", 11*time.Minute)
				w.serverIs(served)
				w.waitUntilItSays(t, "", 7*time.Second)
			})
		})
	}
}

func TestServerThatRefusesTheLookHasAnswered(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, w *watchedWorker, _ func()) {
		w.serverIs(func(context.Context) error { return serviceerror.NewPermissionDenied("no", "") })
		w.waitUntilItSays(t, "", 10*time.Second)
		w.staysReady(t, time.Minute)
		w.serverIs(func(context.Context) error { return serviceerror.NewNamespaceNotFound("captchas") })
		w.waitUntilItSays(t, `the Temporal server at temporal:7233 has no namespace "captchas"`, 4*time.Second)
		w.serverIs(served)
		w.waitUntilItSays(t, "", 4*time.Second)
	})
}

func TestWorkerThatGetsNoTasksIsNotReady(t *testing.T) {
	t.Parallel()
	denied := status.Error(codes.PermissionDenied, "a foreign text\nof two lines")
	for kind, method := range map[string]string{
		"workflow": workflowservice.WorkflowService_PollWorkflowTaskQueue_FullMethodName,
		"activity": workflowservice.WorkflowService_PollActivityTaskQueue_FullMethodName,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			inTime(t, func(t *testing.T, w *watchedWorker, _ func()) {
				w.waitUntilItSays(t, "", 10*time.Second)
				w.staysReady(t, 2*time.Minute)
				var refused atomic.Bool
				w.pollsAre(func(ctx context.Context, polled string) error {
					if polled == method {
						refused.Store(true)
						return denied
					}
					return idle(ctx, polled)
				})
				for !refused.Load() { // until then, the polls that are under way would get a task
					w.staysReady(t, time.Second)
				}
				w.waitUntilItSays(t, "the worker gets no "+kind+" tasks: its polls of the task queue fail (PermissionDenied)", 30*time.Second)
				w.pollsAre(idle)
				w.waitUntilItSays(t, "", 30*time.Second)
				w.staysReady(t, 5*time.Minute)
			})
		})
	}
}

// A restart of the server is told by the looks at it, if it takes long.
func TestShortGapInPollingIsNotToldOf(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, w *watchedWorker, _ func()) {
		w.waitUntilItSays(t, "", 10*time.Second)
		for range 10 {
			fails := time.Now().Add(3 * time.Second)
			w.pollsAre(func(ctx context.Context, method string) error {
				if time.Now().Before(fails) {
					return status.Error(codes.Unavailable, "restarting")
				}
				return idle(ctx, method)
			})
			w.staysReady(t, 90*time.Second)
		}
	})
}

// Nobody may have looked for a while when the connection breaks off.
func TestPollThatBreaksOffWasServedUntilThen(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, w *watchedWorker, _ func()) {
		w.waitUntilItSays(t, "", 10*time.Second)
		w.staysReady(t, 2*time.Minute)
		broken := time.Now().Add(90 * time.Second)
		w.pollsAre(func(ctx context.Context, method string) error {
			if left := time.Until(broken); left > 0 {
				time.Sleep(left)
				return status.Error(codes.Unavailable, "connection reset")
			}
			return idle(ctx, method)
		})
		time.Sleep(time.Until(broken) + time.Second)
		w.staysReady(t, time.Minute)
	})
}

func TestWorkerThatIsRefusedFromItsStartIsNeverReady(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, w *watchedWorker, _ func()) {
		w.pollsAre(refusing(status.Error(codes.PermissionDenied, "no")))
		const problem = "the worker gets no workflow tasks: its polls of the task queue fail (PermissionDenied)"
		w.waitUntilItSays(t, problem, 2*time.Minute)
		for range 600 {
			w.waitUntilItSays(t, problem, 0)
			time.Sleep(time.Second)
		}
	})
}

// A proxy that swallows polls can't be told from an idle queue before the SDK gives a poll up.
func TestPollsThatAreSwallowedAreToldOf(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, w *watchedWorker, _ func()) {
		w.waitUntilItSays(t, "", 10*time.Second)
		w.pollsAre(func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return status.FromContextError(ctx.Err()).Err()
		})
		const problem = "the worker gets no workflow tasks: its polls of the task queue fail (DeadlineExceeded)"
		w.waitUntilItSays(t, problem, (60+70+30)*time.Second)
		for range 600 {
			w.waitUntilItSays(t, problem, 0)
			time.Sleep(time.Second)
		}
		w.pollsAre(idle)
		w.waitUntilItSays(t, "", 150*time.Second)
	})
}

func TestWorkerThatStoppedPollingIsNotReady(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, w *watchedWorker, _ func()) {
		w.waitUntilItSays(t, "", 10*time.Second)
		stuck := make(chan struct{})
		w.pollsAre(func(_ context.Context, method string) error {
			if method == workflowservice.WorkflowService_PollActivityTaskQueue_FullMethodName {
				time.Sleep(time.Second)
				return nil
			}
			<-stuck // as a poller that hangs
			return nil
		})
		w.waitUntilItSays(t, "the worker has not polled for workflow tasks for 21s", (60+75+30)*time.Second)
		close(stuck)
	})
}

// When a key counts as lost is the client's to say.
func TestLostKeyAndItsReturnAreTold(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, w *watchedWorker, _ func()) {
		w.waitUntilItSays(t, "", 10*time.Second)
		require.Empty(t, w.logged())
		w.keyIs(errors.New("the file is not there"))
		w.waitUntilItSays(t, "there is no usable key: the file is not there", 4*time.Second)
		time.Sleep(time.Minute)
		require.Regexp(t, `^time=\S+ level=ERROR msg="not ready: there is no usable key" reason="the file is not there"\n$`, w.logged())
		w.keyIs(nil)
		w.waitUntilItSays(t, "", 4*time.Second)
		require.Equal(t, 2, strings.Count(w.logged(), "\n"), w.logged())
		require.Contains(t, w.logged(), `level=INFO msg="there is a usable key again"`)
	})
}
