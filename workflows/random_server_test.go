package workflows_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// scheduleRun carries a schedule out: the shipped plugin in the SDK's test environment. What that
// environment does in another way than a server, it does itself, between the two: it repeats
// attempts, counts their timeouts, cancels them, and has workers be away.
type scheduleRun struct {
	schedule randomSchedule
	plugin   worker.Plugin

	mu      sync.Mutex // activities run beside the workflow
	env     *testsuite.TestWorkflowEnvironment
	started time.Time
	record  *scheduleRecord
	byName  map[string]*attemptRecord
	names   int
	heard   []bool // the calls that have been delivered
	// underWay are the attempts that may not have ended.
	underWay []workflow.Future
	// solve is what else there is if the workflow is SolveTask; otherwise nil.
	solve *solveRun
	// next is the client's own transport.
	next http.RoundTripper
}

func newScheduleRun(s randomSchedule) *scheduleRun {
	r := &scheduleRun{
		schedule: s, started: time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC),
		record: &scheduleRecord{schedule: s}, byName: map[string]*attemptRecord{}, heard: make([]bool, len(s.Calls)),
	}
	for index, wait := range s.Waits {
		r.record.waits = append(r.record.waits, &waitRecord{randomWait: wait, index: index})
	}
	r.usePlugin(provider.Config{})
	return r
}

// usePlugin has workers run the shipped plugin with this configuration, and the schedule's service.
func (r *scheduleRun) usePlugin(config provider.Config) {
	config.ClientKey, config.Now = clientKey, r.clock
	config.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		r.next = next
		return r
	}
	plugin, err := provider.NewPlugin(config)
	if err != nil {
		panic(err)
	}
	r.plugin = plugin
}

// now is the time since the workflow's start.
func (r *scheduleRun) now() time.Duration { return r.clock().Sub(r.started) }

func (r *scheduleRun) clock() time.Time { return r.current().Now() }

// current is the environment of the workflow's current run.
func (r *scheduleRun) current() *testsuite.TestWorkflowEnvironment {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.env
}

// fail notes what the test itself didn't expect.
func (r *scheduleRun) fail(format string, values ...any) error {
	err := fmt.Errorf(format, values...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.problems = append(r.record.problems, err.Error())
	return err
}

// sleep lets the environment's time go on by that.
func (r *scheduleRun) sleep(duration time.Duration) {
	if duration <= 0 {
		return
	}
	done := make(chan struct{})
	r.current().RegisterDelayedCallback(func() { close(done) }, duration)
	<-done
}

func (r *scheduleRun) addRequest(attempt *attemptRecord, request *requestRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	attempt.request = request
	r.record.requests = append(r.record.requests, request)
}

func (r *scheduleRun) endRequest(request *requestRecord) {
	ended := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	request.ended = ended
}

// afterEnd is how long a workflow with inline waits goes on after the last of them.
const afterEnd = time.Hour

func (r *scheduleRun) carryOut() *scheduleRecord {
	var input any = r.schedule.Waits[0].input(r.schedule.Polling)
	if r.solve != nil {
		input = r.solve.input()
	}
	for {
		r.record.runs++
		err := r.carryOutRun(input)
		r.record.ended = r.now()
		var continued *workflow.ContinueAsNewError
		if !errors.As(err, &continued) {
			break
		}
		if r.record.runs > 100 {
			_ = r.fail("it continues as new for ever")
			break
		}
		input = converter.NewRawValue(continued.Input.GetPayloads()[0])
	}
	return r.record
}

// carryOutRun returns what continues the workflow as new, or nil.
func (r *scheduleRun) carryOutRun(input any) (continued error) {
	begun := r.started
	if r.env != nil {
		begun = r.env.Now()
	}
	offset := begun.Sub(r.started)
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(silent{})
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(begun)
	env.SetTestTimeout(24 * time.Hour)
	if r.record.runs > 1 {
		env.SetContinuedExecutionRunID(fmt.Sprint("run ", r.record.runs-1))
	}
	env.SetWorkerOptions(worker.Options{
		Plugins: []worker.Plugin{r.plugin}, Interceptors: []interceptor.WorkerInterceptor{&serverInterceptor{run: r}},
	})
	r.mu.Lock()
	r.env = env
	r.mu.Unlock()
	defer func() {
		if failure := recover(); failure != nil {
			_ = r.fail("%.2000v", failure)
		}
	}()

	for index, call := range r.schedule.Calls {
		if !r.heard[index] {
			at := max(r.record.backAt(time.Duration(call.At)), offset)
			env.RegisterDelayedCallback(func() { r.deliver(index) }, at-offset)
		}
	}
	if r.solve != nil {
		r.solve.registerCalls()
	}
	for _, at := range r.schedule.SuggestAt {
		if at := time.Duration(at); at > offset || r.record.runs == 1 {
			env.RegisterDelayedCallback(func() { env.SetContinueAsNewSuggested(true) }, at-offset)
			break
		}
	}
	if at := r.record.backAt(time.Duration(r.schedule.CancelAt)); at > 0 { // also once more if the run before this one ended at the same time
		env.RegisterDelayedCallback(func() {
			r.record.canceled = cmp.Or(r.record.canceled, r.now())
			env.CancelWorkflow()
		}, max(at, offset)-offset)
	}

	if r.schedule.Inline {
		env.RegisterWorkflowWithOptions(r.parent, workflow.RegisterOptions{Name: "parent"})
		env.ExecuteWorkflow("parent")
		if err := env.GetWorkflowError(); err != nil {
			_ = r.fail("the parent ended with %v", err)
		}
		return nil
	}
	wait := r.record.waits[0]
	wait.started = true
	if r.solve != nil {
		return r.solve.carryOutRun(env, input)
	}
	env.ExecuteWorkflow(workflows.AwaitTaskResultWorkflow, input)
	if !env.IsWorkflowCompleted() {
		return r.fail("the workflow hasn't ended")
	}
	err := env.GetWorkflowError()
	if workflow.IsContinueAsNewError(err) {
		return err
	}
	if err == nil {
		err = env.GetWorkflowResult(&wait.out)
	} else if wrapped := errors.Unwrap(err); wrapped != nil {
		err = wrapped // what the workflow returned
	}
	wait.err = err
	wait.outcomes++
	return nil
}

// parent is somebody's workflow that waits for tasks, and goes on after that.
func (r *scheduleRun) parent(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{})
	callbacks := workflows.WithCallbacks(workflows.NewCallbacks(ctx))
	running := len(r.record.waits)
	for _, wait := range r.record.waits {
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer func() { running-- }()
			if wait.StartsAt > 0 && workflow.Sleep(ctx, time.Duration(wait.StartsAt)) != nil {
				return
			}
			wait.started, wait.start = true, r.now()
			ctx = workflow.WithValue(ctx, waitKey{}, wait)
			wait.out, wait.err = workflows.Await(ctx, wait.input(r.schedule.Polling), callbacks)
			wait.ended = r.now()
			wait.outcomes++
			r.noTimersOf(ctx, wait)
		})
	}
	unlimited, _ := workflow.NewDisconnectedContext(ctx)
	if err := workflow.Await(unlimited, func() bool { return running == 0 }); err != nil {
		return err
	}
	return workflow.Sleep(unlimited, afterEnd)
}

// noTimersOf fails if a wait that has ended has left a timer running.
func (r *scheduleRun) noTimersOf(ctx workflow.Context, wait *waitRecord) {
	unlimited, _ := workflow.NewDisconnectedContext(ctx)
	if err := workflow.Sleep(unlimited, time.Millisecond); err != nil { // in which cancellations get through
		_ = r.fail("%v", err)
	}
	for _, timer := range wait.timers {
		if !timer.future.IsReady() {
			_ = r.fail("wait %d ended at %s and left a timer running until %s", wait.index, wait.ended, timer.due)
		}
	}
}

// deliver sends the schedule's call of that index.
func (r *scheduleRun) deliver(index int) {
	call := r.schedule.Calls[index]
	id := r.schedule.Waits[call.Wait].TaskID
	name := workflows.TaskCallbackSignal
	var payload any
	switch call.Kind {
	case callObject:
		payload = workflows.TaskCallback{TaskID: id}
	case callTextInObject:
		payload = map[string]string{"taskId": fmt.Sprint(id)}
	case callNumber:
		payload = id
	case callNothing:
		name = withoutPayload
	case callOther:
		payload = workflows.TaskCallback{TaskID: id + 1000}
	case callOtherAsNumber:
		payload = id + 1000
	}
	r.env.SignalWorkflow(name+"#"+fmt.Sprint(index), payload)
}

// hears notes that the workflow has a call.
func (r *scheduleRun) hears(index int) {
	if r.solve != nil {
		r.solve.hears(index)
		return
	}
	r.heard[index] = true
	call := r.schedule.Calls[index]
	if call.Kind == callOther || call.Kind == callOtherAsNumber {
		return
	}
	for _, wait := range r.record.waits {
		if call.Kind == callNothing || wait.TaskID == r.schedule.Waits[call.Wait].TaskID {
			wait.wakeUps = append(wait.wakeUps, wakeUp{at: r.now(), unnamed: call.Kind == callNothing})
		}
	}
}

type waitKey struct{}

// waitOf is the wait that a workflow's code runs for; nil: none.
func (r *scheduleRun) waitOf(ctx workflow.Context) *waitRecord {
	if !r.schedule.Inline {
		return r.record.waits[0]
	}
	wait, _ := ctx.Value(waitKey{}).(*waitRecord)
	return wait
}

// serverInterceptor stands between the workflow, the activities and the test environment.
type serverInterceptor struct {
	interceptor.WorkerInterceptorBase
	run *scheduleRun
}

func (i *serverInterceptor) InterceptWorkflow(
	_ workflow.Context, next interceptor.WorkflowInboundInterceptor,
) interceptor.WorkflowInboundInterceptor {
	inbound := &serverInbound{run: i.run}
	inbound.Next = next
	return inbound
}

func (i *serverInterceptor) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	inbound := &serverActivity{run: i.run}
	inbound.Next = next
	return inbound
}

type serverInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	run *scheduleRun
}

func (i *serverInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	outbound := &serverOutbound{run: i.run}
	outbound.Next = next
	return i.Next.Init(outbound)
}

// ExecuteWorkflow has the environment run until the attempts under way have ended, as they do on a
// worker after the workflow's end.
func (i *serverInbound) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := i.Next.ExecuteWorkflow(ctx, in)
	if !i.run.schedule.Inline {
		i.run.record.waits[0].ended = i.run.now()
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	for _, attempt := range i.run.underWay {
		_ = attempt.Get(ctx, nil)
	}
	i.run.underWay = nil
	return result, err
}

func (i *serverInbound) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	name, number, _ := strings.Cut(in.SignalName, "#")
	var index int
	if _, err := fmt.Sscan(number, &index); err != nil {
		return i.run.fail("signal %q", in.SignalName)
	}
	i.run.hears(index)
	in.SignalName = name
	if name == withoutPayload {
		in = &interceptor.HandleSignalInput{SignalName: workflows.TaskCallbackSignal}
	}
	return i.Next.HandleSignal(ctx, in)
}

type serverOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	run *scheduleRun
}

func (o *serverOutbound) NewTimerWithOptions(
	ctx workflow.Context, duration time.Duration, options workflow.TimerOptions,
) workflow.Future {
	wait := o.run.waitOf(ctx)
	if wait == nil || options.Summary == "Sleep" {
		return o.Next.NewTimerWithOptions(ctx, duration, options)
	}
	now := o.run.now()
	timer := &startedTimer{started: now, due: now + duration}
	// Its end is heard when a worker is there.
	timer.future = o.Next.NewTimerWithOptions(ctx, o.run.record.backAt(timer.due)-now, options)
	wait.timers = append(wait.timers, timer)
	return timer.future
}

// GetInfo gives each run of a SolveTask an id of its own, as a server does.
func (o *serverOutbound) GetInfo(ctx workflow.Context) *workflow.Info {
	info := o.Next.GetInfo(ctx)
	if o.run.solve == nil {
		return info
	}
	changed := *info
	changed.WorkflowExecution.RunID = o.run.runID()
	changed.OriginalRunID = o.run.runID()
	return &changed
}

func (r *scheduleRun) runID() string { return fmt.Sprint("run ", r.record.runs) }

// ExecuteActivity is the server's part in an activity: it starts an attempt when a worker is there,
// and repeats it as the retry policy says.
func (o *serverOutbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	wait := o.run.waitOf(ctx)
	if wait == nil {
		return o.Next.ExecuteActivity(ctx, activityType, args...)
	}
	poll := &activityRecord{
		wait: wait, options: workflow.GetActivityOptions(ctx), scheduled: o.run.now(),
		byRetries: activityType == activities.PollTaskResultActivity, runID: o.run.runID(),
	}
	if o.run.solve != nil {
		poll.wait = o.run.solve.waitFor(poll, activityType, args[0])
	}
	poll.wait.polls = append(poll.wait.polls, poll)
	if problem := retryPolicyProblem(poll.options); problem != "" {
		_ = o.run.fail("%s: %s", poll.options.Summary, problem)
	}
	future, settable := workflow.NewFuture(ctx)
	served, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(served, func(served workflow.Context) {
		s := &servedActivity{o: o, poll: poll, asked: ctx, options: poll.options, activityType: activityType, args: args}
		result := s.serve(served)
		if now := o.run.now(); o.run.record.backAt(now) > now { // its end is heard when a worker is there
			_ = o.Next.NewTimer(served, o.run.record.backAt(now)-now).Get(served, nil)
		}
		poll.seen, poll.ended, poll.err = o.run.now(), true, result.Get(served, nil)
		settable.Chain(result)
	})
	return future
}

func retryPolicyProblem(options workflow.ActivityOptions) string {
	policy := options.RetryPolicy
	switch {
	case policy != nil && policy.MaximumAttempts == 1: // it is not repeated
	case policy == nil:
		return "the server's retry policy, which repeats after a second"
	case policy.InitialInterval < 5*time.Second || policy.BackoffCoefficient < 1 || policy.MaximumInterval < policy.InitialInterval:
		return fmt.Sprintf("repeated in less than 5 s: %+v", *policy)
	case options.StartToCloseTimeout <= requestTimeout:
		return fmt.Sprintf("StartToClose is %s", options.StartToCloseTimeout)
	}
	return ""
}

// servedActivity is one activity as a server keeps it.
type servedActivity struct {
	o            *serverOutbound
	poll         *activityRecord
	asked        workflow.Context // the workflow's, which it may cancel
	options      workflow.ActivityOptions
	activityType string
	args         []any
}

// cancellationDelay is how long a server takes to end an activity that waits for its next attempt.
const cancellationDelay = 10 * time.Millisecond

// serve returns the activity's end.
func (s *servedActivity) serve(ctx workflow.Context) workflow.Future {
	run := s.o.run
	never := time.Duration(1<<63 - 1)
	expiry := never
	if s.options.ScheduleToCloseTimeout > 0 {
		expiry = s.poll.scheduled + s.options.ScheduleToCloseTimeout
	}
	var last error
	for number := 1; ; number++ {
		attempt := &attemptRecord{poll: s.poll, number: number, due: run.now()}
		latest := never
		if s.options.ScheduleToStartTimeout > 0 {
			latest = attempt.due + s.options.ScheduleToStartTimeout
		}
		start := run.record.backAt(attempt.due)
		if end := min(latest, expiry); start > end {
			if s.sleepUnlessCanceled(ctx, end) {
				return s.canceled(ctx)
			}
			kind := enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
			if latest < expiry {
				kind = enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START
			}
			return s.instead(ctx, timeout(kind, last, nil))
		}
		if s.sleepUnlessCanceled(ctx, start) {
			return s.canceled(ctx)
		}
		s.poll.attempts = append(s.poll.attempts, attempt)
		attempt.started = run.now()
		attempt.fate = s.poll.wait.fateAt(s.poll.wait.attempts, attempt.started-s.poll.wait.start)
		s.poll.wait.attempts++
		result, stopped := s.attempt(ctx, attempt, expiry, last)
		if stopped {
			return result
		}
		last = result.Get(ctx, nil)
		attempt.err, attempt.ended, attempt.done = last, run.now(), true
		if last == nil {
			return result
		}
		backoff, retried := s.backoff(last, number)
		if !retried || s.asked.Err() != nil || run.now()+backoff > expiry {
			return result
		}
		attempt.nextDue = run.now() + backoff
		if s.sleepUnlessCanceled(ctx, attempt.nextDue) {
			return s.canceled(ctx)
		}
	}
}

// attempt runs one attempt to its end, or to where the workflow stops waiting for it.
func (s *servedActivity) attempt(ctx workflow.Context, attempt *attemptRecord, expiry time.Duration, last error) (result workflow.Future, stopped bool) {
	if attempt.fate.Kind != fateLostBeforeSend {
		result = s.run(ctx, attempt)
		if s.untilDone(ctx, result) {
			return s.canceled(ctx), true
		}
	}
	if !attempt.fate.Kind.lost() || attempt.fate.Kind == fateLost && attempt.request == nil { // nothing was sent, so that no worker was lost
		return result, false
	}
	end, kind := attempt.started+s.options.StartToCloseTimeout, enumspb.TIMEOUT_TYPE_START_TO_CLOSE
	if expiry < end {
		end, kind = expiry, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
	}
	for s.o.run.now() < end {
		if s.sleepUnlessCanceled(ctx, end) && !s.options.WaitForCancellation {
			return s.canceled(ctx), true
		}
		if s.asked.Err() != nil {
			_ = s.o.Next.NewTimer(ctx, end-s.o.run.now()).Get(ctx, nil)
		}
	}
	return s.instead(ctx, timeout(kind, last, s.poll.heartbeat)), false
}

// untilDone blocks until the future is ready, or until the workflow doesn't wait any longer.
func (s *servedActivity) untilDone(ctx workflow.Context, future workflow.Future) (stopped bool) {
	canceled := false
	for !future.IsReady() && !(canceled && !s.options.WaitForCancellation) {
		selector := workflow.NewSelector(ctx)
		selector.AddFuture(future, func(workflow.Future) {})
		if !canceled {
			selector.AddReceive(s.asked.Done(), func(workflow.ReceiveChannel, bool) {
				canceled = true
				s.noteCancellation()
			})
		}
		selector.Select(ctx)
	}
	return !future.IsReady()
}

// sleepUnlessCanceled returns at that time, or when the workflow cancels the activity, which it
// tells.
func (s *servedActivity) sleepUnlessCanceled(ctx workflow.Context, until time.Duration) (canceled bool) {
	if s.asked.Err() != nil {
		s.noteCancellation()
		return true
	}
	duration := until - s.o.run.now()
	if duration <= 0 {
		return false
	}
	timed, stop := workflow.WithCancel(ctx)
	defer stop()
	selector := workflow.NewSelector(ctx)
	selector.AddFuture(s.o.Next.NewTimer(timed, duration), func(workflow.Future) {})
	selector.AddReceive(s.asked.Done(), func(workflow.ReceiveChannel, bool) {
		canceled = true
		s.noteCancellation()
	})
	selector.Select(ctx)
	return canceled
}

func (s *servedActivity) noteCancellation() {
	s.poll.canceled = cmp.Or(s.poll.canceled, s.o.run.now())
}

// canceled is the end of an activity whose attempt is not under way, or is not waited for.
func (s *servedActivity) canceled(ctx workflow.Context) workflow.Future {
	if s.options.WaitForCancellation {
		_ = s.o.Next.NewTimer(ctx, cancellationDelay).Get(ctx, nil)
		return s.instead(ctx, &failurepb.Failure{
			Message: "canceled", FailureInfo: &failurepb.Failure_CanceledFailureInfo{CanceledFailureInfo: &failurepb.CanceledFailureInfo{}},
		})
	}
	future, settable := workflow.NewFuture(ctx)
	settable.SetError(temporal.NewCanceledError())
	return future
}

// instead is an end that no attempt comes to by itself.
func (s *servedActivity) instead(ctx workflow.Context, cause *failurepb.Failure) workflow.Future {
	future, settable := workflow.NewFuture(ctx)
	settable.SetError(temporal.GetDefaultFailureConverter().FailureToError(&failurepb.Failure{
		Message: "activity error",
		FailureInfo: &failurepb.Failure_ActivityFailureInfo{ActivityFailureInfo: &failurepb.ActivityFailureInfo{
			ActivityType: &commonpb.ActivityType{Name: s.activityType}, ActivityId: serverActivityID,
		}},
		Cause: cause,
	}))
	return future
}

// timeout is the failure of an activity that runs into a timeout; last is how the attempt before
// ended.
func timeout(kind enumspb.TimeoutType, last error, heartbeat *commonpb.Payloads) *failurepb.Failure {
	failure := &failurepb.Failure{
		Message: "activity timeout",
		FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{
			TimeoutType: kind, LastHeartbeatDetails: heartbeat,
		}},
	}
	var activityError *temporal.ActivityError
	if errors.As(last, &activityError) {
		failure.Cause = temporal.GetDefaultFailureConverter().ErrorToFailure(activityError.Unwrap())
	}
	return failure
}

// run has the test environment run an attempt once.
func (s *servedActivity) run(ctx workflow.Context, attempt *attemptRecord) workflow.Future {
	options := s.options
	s.o.run.mu.Lock()
	s.o.run.names++
	attempt.turn, attempt.name = s.o.run.names, fmt.Sprint("attempt ", s.o.run.names)
	options.ActivityID = attempt.name
	s.o.run.byName[attempt.name] = attempt
	s.o.run.mu.Unlock()
	options.RetryPolicy = &temporal.RetryPolicy{MaximumAttempts: 1}
	result := s.o.Next.ExecuteActivity(workflow.WithActivityOptions(ctx, options), s.activityType, s.args...)
	s.o.run.underWay = append(slices.DeleteFunc(s.o.run.underWay, workflow.Future.IsReady), result)
	return result
}

// backoff is how long after the attempt of that number the next one is due, if there is one.
func (s *servedActivity) backoff(err error, number int) (time.Duration, bool) {
	policy := s.options.RetryPolicy
	if policy.MaximumAttempts > 0 && number >= int(policy.MaximumAttempts) {
		return 0, false
	}
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) {
		if failure.NonRetryable() {
			return 0, false
		}
		if delay := failure.NextRetryDelay(); delay > 0 {
			return delay, true
		}
	}
	delay := policy.InitialInterval
	for range number - 1 {
		if delay = time.Duration(float64(delay) * policy.BackoffCoefficient); delay >= policy.MaximumInterval {
			break
		}
	}
	return min(delay, policy.MaximumInterval), true
}

type serverActivity struct {
	interceptor.ActivityInboundInterceptorBase
	run *scheduleRun
}

func (i *serverActivity) Init(next interceptor.ActivityOutboundInterceptor) error {
	outbound := withClient(activity.GetClient, serverAttempt{run: i.run})
	outbound.Next = next
	return i.Next.Init(outbound)
}

func (i *serverActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	_, name, _ := strings.Cut(string(activity.GetInfo(ctx).TaskToken), "#")
	attempt := i.run.attemptOf(name)
	attempt.inTurn()
	result, err := i.Next.ExecuteActivity(context.WithValue(ctx, attemptKey{}, attempt), in)
	if errors.Is(err, activity.ErrResultPending) { // it has told the server itself
		return attempt.reported.Result, attempt.reported.Err
	}
	return result, err
}

func (r *scheduleRun) attemptOf(name string) *attemptRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byName[name]
}

// inTurn has what happens at the same time happen in one order, whatever the machine does: the
// bubble's time goes on when nothing else can.
func (a *attemptRecord) inTurn() { time.Sleep(time.Duration(a.turn)) }

const serverActivityID = "5"

// serverAttempt tells an attempt its number, and when it started by the environment's clock.
type serverAttempt struct {
	interceptor.ActivityOutboundInterceptorBase
	run *scheduleRun
}

func (a *serverAttempt) GetInfo(ctx context.Context) activity.Info {
	info := a.Next.GetInfo(ctx)
	attempt := a.run.attemptOf(info.ActivityID)
	info.ActivityID = serverActivityID // by which activities tell a test environment
	info.Attempt = int32(attempt.number)
	info.StartToCloseTimeout = attempt.poll.options.StartToCloseTimeout
	info.ScheduleToCloseTimeout = attempt.poll.options.ScheduleToCloseTimeout
	info.RetryPolicy = attempt.poll.options.RetryPolicy
	info.ScheduledTime = a.run.started.Add(attempt.poll.scheduled)
	if a.run.solve != nil {
		info.WorkflowExecution.RunID = attempt.poll.runID
	}
	info.StartedTime = a.run.started.Add(attempt.started)
	return info
}

// attemptWithClient returns a client as activity.GetClient does, whose type has no name outside of
// the SDK.
type attemptWithClient[Client any] struct{ serverAttempt }

func withClient[Client any](_ func(context.Context) Client, a serverAttempt) *attemptWithClient[Client] {
	return &attemptWithClient[Client]{a}
}

func (a *attemptWithClient[Client]) GetClient(ctx context.Context) Client {
	var answers any = &serverClient{attempt: a.run.attemptOf(a.Next.GetInfo(ctx).ActivityID), run: a.run}
	return answers.(Client)
}

// serverClient answers the one question that polls have: whether their attempt is due. A submission
// also tells it things.
type serverClient struct {
	client.Client
	attempt *attemptRecord
	run     *scheduleRun
}

func (c *serverClient) DescribeWorkflow(context.Context, string, string) (*client.WorkflowExecutionDescription, error) {
	switch c.run.schedule.Describe {
	case describeNotPermitted:
		return nil, serviceerror.NewPermissionDenied("not permitted", "")
	case describeBroken:
		// The attempt waits 5 seconds, in which the environment's time goes on.
		c.run.current().RegisterDelayedCallback(func() {}, leastBetweenRequests-time.Millisecond)
		return nil, serviceerror.NewUnavailable("broken")
	}
	return &client.WorkflowExecutionDescription{RawResponse: &workflowservice.DescribeWorkflowExecutionResponse{
		PendingActivities: []*workflowpb.PendingActivityInfo{{
			ActivityId: serverActivityID, Attempt: int32(c.attempt.number), State: enumspb.PENDING_ACTIVITY_STATE_STARTED,
			ScheduledTime: timestamppb.New(c.run.started.Add(c.attempt.due)),
		}},
	}}, nil
}

func (c *serverClient) RecordActivityHeartbeatWithOptions(_ context.Context, o client.RecordActivityHeartbeatOptions) error {
	if c.attempt.fate.Kind == fateMarkRefused {
		return serviceerror.NewUnavailable("no heartbeat now")
	}
	encoded, err := converter.GetDefaultDataConverter().ToPayloads(o.Details...)
	if err != nil {
		panic(err)
	}
	c.attempt.poll.heartbeat = encoded
	if c.attempt.fate.Kind == fateLostAfterMark {
		return errWorkerGone
	}
	return nil
}

func (c *serverClient) CompleteActivityWithOptions(_ context.Context, o client.CompleteActivityOptions) error {
	if c.attempt.fate.Kind == fateLate {
		return serviceerror.NewNotFound("the attempt is over")
	}
	c.attempt.reported = o
	return nil
}

func (c *serverClient) SignalWorkflow(_ context.Context, _, _, _ string, payload any) error {
	at := c.attempt.started + c.attempt.poll.options.StartToCloseTimeout + time.Duration(c.attempt.fate.Delay)
	c.run.solve.post(&solveCall{
		at: at, payload: func() any { return payload }, names: c.run.solve.purchaseOf(c.attempt.poll), ofWorker: true,
	})
	return nil
}

var errWorkerGone = errors.New("the worker is gone")

// The heartbeats of an activity's attempts go on from one to the next.

func (a *serverAttempt) RecordHeartbeat(ctx context.Context, details ...any) {
	encoded, err := converter.GetDefaultDataConverter().ToPayloads(details...)
	if err != nil {
		panic(err)
	}
	if attempt := a.run.attemptOf(a.Next.GetInfo(ctx).ActivityID); !attempt.fate.Kind.lost() {
		attempt.poll.heartbeat = encoded
	}
}

func (a *serverAttempt) HasHeartbeatDetails(ctx context.Context) bool {
	return a.pollOf(ctx).heartbeat != nil
}

func (a *serverAttempt) GetHeartbeatDetails(ctx context.Context, into ...any) error {
	return converter.GetDefaultDataConverter().FromPayloads(a.pollOf(ctx).heartbeat, into...)
}

func (a *serverAttempt) pollOf(ctx context.Context) *activityRecord {
	return a.run.attemptOf(a.Next.GetInfo(ctx).ActivityID).poll
}

// silent is a logger.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

var _ log.Logger = silent{}
