package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	lookEvery   = 3 * time.Second
	lookTimeout = 3 * time.Second
	// maxSilence is how long the server may leave the looks at it unanswered.
	maxSilence = 15 * time.Second
	// maxPollGap is how long no poll may be under way. Shorter gaps are those of a server that
	// restarts, and of a worker all of whose slots are in use.
	maxPollGap = 20 * time.Second
	// pollSettles is the time after which a poll that is under way is taken to be waiting for a task:
	// a server that refuses polls does so at once.
	pollSettles = 5 * time.Second
	// longestPoll is a little more than the 70 seconds after which the SDK gives a poll up.
	longestPoll = 75 * time.Second
)

// readiness tells whether this worker serves its task queue. What it tells, it has in memory: a
// server that stands still must not keep a probe waiting.
type readiness struct {
	address, namespace string
	// lostKey says why there is no usable key any more, or returns nil. It may read a file.
	lostKey func() error
	now     func() time.Time

	mutex         sync.Mutex
	draining      bool
	answered      time.Time // when the server last answered; zero: not yet
	noNamespace   bool      // by that answer
	keyProblem    error
	workflowPolls *pollWatch
	activityPolls *pollWatch
}

func newReadiness(s settings) *readiness {
	return &readiness{
		address: s.client.HostPort, namespace: s.client.Namespace, lostKey: s.lostKey, now: time.Now,
		workflowPolls: newPollWatch("workflow tasks"), activityPolls: newPollWatch("activity tasks"),
	}
}

// problem says in one line why the worker does not serve its task queue, or returns nil.
func (r *readiness) problem() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	now := r.now()
	switch silence := now.Sub(r.answered); {
	case r.draining:
		return errors.New("the worker is stopping: what is under way finishes")
	case r.answered.IsZero():
		return fmt.Errorf("the Temporal server at %s has not answered yet", r.address)
	case silence > maxSilence:
		return fmt.Errorf("the Temporal server at %s has not answered for %s", r.address, silence.Round(time.Second))
	case r.noNamespace:
		return fmt.Errorf("the Temporal server at %s has no namespace %q", r.address, r.namespace)
	case r.keyProblem != nil:
		return fmt.Errorf("there is no usable key: %w", r.keyProblem)
	}
	return cmp.Or(r.workflowPolls.problem(now), r.activityPolls.problem(now))
}

// healthWatch looks at what a readiness tells of.
type healthWatch struct {
	*readiness
	server workflowservice.WorkflowServiceClient
	logger *slog.Logger
}

// Run looks until ctx is done, which is when the worker begins to drain.
func (w healthWatch) Run(ctx context.Context) error {
	var looking sync.WaitGroup
	looking.Go(func() { every(ctx, lookEvery, func() { w.lookAtServer(ctx) }) })
	looking.Go(func() { every(ctx, lookEvery, w.lookAtKey) })
	<-ctx.Done()
	w.mutex.Lock()
	w.draining = true
	w.mutex.Unlock()
	looking.Wait()
	return nil
}

func every(ctx context.Context, interval time.Duration, look func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		look()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// lookAtServer asks for the namespace, since other calls succeed without it too.
func (w healthWatch) lookAtServer(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	_, err := w.server.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: w.namespace})
	if !isAnswer(err) {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.answered = w.now()
	w.noNamespace = errors.As(err, new(*serviceerror.NamespaceNotFound)) || errors.As(err, new(*serviceerror.NotFound))
}

// isAnswer tells whether the server has answered, also with a refusal: a worker's credentials may
// be for its polls alone.
func isAnswer(err error) bool {
	switch serviceerror.ToStatus(err).Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Internal, codes.Unknown:
		return false
	}
	return true
}

func (w healthWatch) lookAtKey() {
	problem := w.lostKey()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	switch { // requests tell of the file too, but a worker that has nothing to do sends none
	case problem != nil && w.keyProblem == nil:
		w.logger.Error("not ready: there is no usable key", "reason", problem)
	case problem == nil && w.keyProblem != nil:
		w.logger.Info("there is a usable key again")
	}
	w.keyProblem = problem
}

// dialOption has the client's connection show the polls that the worker sends.
func (r *readiness) dialOption() grpc.DialOption { return grpc.WithChainUnaryInterceptor(r.watchPoll) }

func (r *readiness) watchPoll(ctx context.Context, method string, request, reply any,
	connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	var watch *pollWatch
	switch method {
	case workflowservice.WorkflowService_PollWorkflowTaskQueue_FullMethodName:
		watch = r.workflowPolls
	case workflowservice.WorkflowService_PollActivityTaskQueue_FullMethodName:
		watch = r.activityPolls
	default:
		return invoke(ctx, method, request, reply, connection, options...)
	}
	r.mutex.Lock()
	poll := watch.begin(r.now())
	r.mutex.Unlock()
	err := invoke(ctx, method, request, reply, connection, options...)
	r.mutex.Lock()
	watch.end(poll, r.now(), status.Code(err))
	r.mutex.Unlock()
	return err
}

// pollWatch follows the polls for one kind of task. An idle poll is under way for a minute, so that
// both answered polls and waiting ones are signs of a worker that is served.
type pollWatch struct {
	kind     string
	underWay map[*time.Time]struct{} // when each began
	served   time.Time               // when a poll was last known to be served; zero: never
	failedAt time.Time               // the last failure; zero: none since a later poll was answered
	failure  codes.Code
}

func newPollWatch(kind string) *pollWatch {
	return &pollWatch{kind: kind, underWay: map[*time.Time]struct{}{}}
}

func (p *pollWatch) begin(now time.Time) *time.Time {
	p.underWay[&now] = struct{}{}
	return &now
}

func (p *pollWatch) end(poll *time.Time, now time.Time, code codes.Code) {
	p.look(now)
	delete(p.underWay, poll)
	switch {
	case code != codes.OK:
		p.failedAt, p.failure = now, code
	case poll.After(p.failedAt): // one that began before a failure does not say that the next is served
		p.served, p.failedAt = now, time.Time{}
	}
}

// look notes whether a poll waits for a task. After a failure, one that began before it does not
// count: the next would fail too. After one that had no answer in all its time, none counts until
// one is answered.
func (p *pollWatch) look(now time.Time) {
	if !p.failedAt.IsZero() && p.failure == codes.DeadlineExceeded {
		return
	}
	for began := range p.underWay {
		if age := now.Sub(*began); began.After(p.failedAt) && age >= pollSettles && age <= longestPoll {
			p.served = now
		}
	}
}

func (p *pollWatch) problem(now time.Time) error {
	p.look(now)
	gap := now.Sub(p.served)
	switch {
	case !p.served.IsZero() && gap <= maxPollGap:
		return nil
	case !p.failedAt.IsZero():
		return fmt.Errorf("the worker gets no %s: its polls of the task queue fail (%s)", p.kind, p.failure)
	case p.served.IsZero():
		return fmt.Errorf("the worker has not begun to poll for %s", p.kind)
	}
	return fmt.Errorf("the worker has not polled for %s for %s", p.kind, gap.Round(time.Second))
}
