package activities_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// office has all activities, one clock and one service, and tasks that are processing.
type office struct {
	*shop
	wall *clock
}

func newOffice(t *testing.T, fates ...simulator.Submission) *office {
	t.Helper()
	wall := &clock{}
	return &office{newShop(t, []activities.Option{activities.WithClock(wall.Now)}, fates...), wall}
}

// poll polls for a task of the number, with an answer that is processing if it has no other.
func (o *office) poll(number int64) error {
	_, err := o.ExecuteActivity(activities.GetTaskResultActivity, activities.GetTaskResultInput{TaskID: taskID + number})
	return err
}

// concurrently returns poll for several goroutines: an SDK's environment is for one.
func (o *office) concurrently() func(number int64) error {
	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: clientKey, URL: o.service.URL()})
	require.NoError(o.t, err)
	o.t.Cleanup(client.CloseIdleConnections)
	shared := activities.New(client, activities.WithClock(o.wall.Now))
	return func(number int64) error {
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
		environment := suite.NewTestActivityEnvironment()
		shared.Register(environment)
		_, err := environment.ExecuteActivity(activities.GetTaskResultActivity, activities.GetTaskResultInput{TaskID: taskID + number})
		return err
	}
}

func (o *office) requireHeld(err error, text string) time.Duration {
	o.t.Helper()
	failure := applicationError(o.t, err)
	require.Equal(o.t, activities.ErrorTypeRequestFailed, failure.Type())
	require.False(o.t, failure.NonRetryable())
	require.Contains(o.t, failure.Message(), "not sent: the service has answered this process with "+text)
	return failure.NextRetryDelay()
}

func TestBanHoldsBackEveryRequestAndThenSpreadsThem(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer simulator.Answer
		delay  time.Duration
		text   string
	}{
		"banned":                  {simulator.Error("ERROR_IP_BLOCKED"), 3 * time.Minute, "ERROR_IP_BLOCKED"},
		"banned on 503":           {simulator.Error("ERROR_IP_BLOCKED").WithHTTPStatus(503).WithRetryAfter("10"), 3 * time.Minute, "ERROR_IP_BLOCKED"},
		"429":                     {simulator.RetryAfter(429, "20"), 20 * time.Second, "HTTP 429 and Retry-After"},
		"429, in no time":         {simulator.RetryAfter(429, "1"), 5 * time.Second, "HTTP 429 and Retry-After"},
		"429, in a day":           {simulator.RetryAfter(429, "86400"), time.Minute, "HTTP 429 and Retry-After"},
		"429 with a limit's code": {simulator.Error("ERROR_RATE_LIMIT").WithHTTPStatus(429).WithRetryAfter("30"), 30 * time.Second, "HTTP 429 and Retry-After"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const tasks = 1000
			o := newOffice(t)
			for number := range int64(tasks + 500) {
				o.service.Script(taskID+number, simulator.Processing())
			}
			o.service.Script(taskID, test.answer, simulator.Processing())
			require.Equal(t, test.delay, applicationError(t, o.poll(0)).NextRetryDelay())
			require.Len(t, o.service.Requests(), 1)
			told := o.wall.Now()

			// Nothing of any method is sent, and everybody's delay is what is left and a part of the tenth.
			spread := test.delay / 10
			due := map[int64]time.Time{0: told.Add(test.delay)}
			for number := range int64(tasks) {
				if number == 0 {
					continue
				}
				wait := o.requireHeld(o.poll(number), test.text)
				require.GreaterOrEqual(t, wait, test.delay)
				require.LessOrEqual(t, wait, test.delay+spread+time.Millisecond)
				due[number] = told.Add(wait)
			}
			_, err := o.createTask(`{"task":` + textTask + `}`)
			require.GreaterOrEqual(t, o.requireHeld(err, test.text), test.delay)
			_, err = o.submitTask()
			require.GreaterOrEqual(t, o.requireHeld(err, test.text), test.delay)
			for _, method := range []string{"getBalance", "reportCorrect", "reportIncorrect"} {
				_, err := o.ExecuteActivity(method, activities.ReportInput{TaskID: taskID})
				require.GreaterOrEqual(t, o.requireHeld(err, test.text), test.delay)
			}
			o.wall.move(test.delay - 1)
			o.requireHeld(o.poll(tasks), test.text)
			require.Len(t, o.service.Requests(), 1)

			// Those who come early just after the end wait too, and each one that was refused has its turn.
			o.wall.move(1)
			require.NoError(t, o.poll(0), "the one that was told first asks first")
			for number := int64(tasks); number < tasks+100; number++ {
				if err := o.poll(number); err != nil {
					require.LessOrEqual(t, o.requireHeld(err, test.text), spread+time.Millisecond)
				}
			}
			require.LessOrEqual(t, len(o.service.Requests()), 2, "nobody goes at once")
			byTime := make([]int64, 0, tasks)
			for number := range due {
				byTime = append(byTime, number)
			}
			slices.SortFunc(byTime, func(a, b int64) int { return due[a].Compare(due[b]) })
			parts := [10]int{}
			for _, number := range byTime[1:] {
				if wait := due[number].Sub(o.wall.Now()); wait > 0 {
					o.wall.move(wait)
				}
				require.NoError(t, o.poll(number), "task %d has waited for its turn", number)
				part := due[number].Sub(told.Add(test.delay)) * 10 / (spread + time.Millisecond)
				parts[min(part, 9)]++
			}
			for part, count := range parts {
				require.InDelta(t, tasks/10, count, 60, "in part %d of %v", part, parts)
			}
			o.wall.move(spread)
			require.NoError(t, o.poll(tasks+400), "it is over")
		})
	}
}

// The answers to requests that were under way come after the ban: nothing but time ends it.
func TestAnswersThatWereUnderWayEndNoBan(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.service.Script(taskID, simulator.Processing().WithDelay(300*time.Millisecond))
	o.service.Script(taskID+1, simulator.Error("ERROR_IP_BLOCKED").WithDelay(100*time.Millisecond))
	o.service.Script(taskID+2, simulator.Error("ERROR_IP_BLOCKED").WithDelay(200*time.Millisecond))
	var running sync.WaitGroup
	failures := [3]error{}
	shared := o.concurrently()
	for number := range int64(3) {
		running.Go(func() { failures[number] = shared(number) })
	}
	running.Wait()
	require.NoError(t, failures[0])
	require.Equal(t, 3*time.Minute, applicationError(t, failures[1]).NextRetryDelay())
	second := applicationError(t, failures[2]).NextRetryDelay()
	require.Greater(t, second, 3*time.Minute, "those who are told together do not come back together")
	require.LessOrEqual(t, second, 3*time.Minute+18*time.Second)
	o.requireHeld(shared(3), "ERROR_IP_BLOCKED")
	o.wall.move(3 * time.Minute)
	require.Equal(t, "ERROR_IP_BLOCKED", applicationError(t, shared(1)).Type(), "it is asked, and told again")
	o.requireHeld(shared(2), "ERROR_IP_BLOCKED")
}

// No room for tasks says nothing of polls.
func TestNoSlotHoldsBackSubmissionsAlone(t *testing.T) {
	t.Parallel()
	noSlot := simulator.Error("ERROR_NO_SLOT_AVAILABLE")
	o := newOffice(t, simulator.Submission{Refused: &noSlot}, simulator.Submission{})
	o.service.Script(taskID, simulator.Processing())
	in := func(workflow string) func() error {
		return func() error {
			o.changeAttempt(func(info *activity.Info) { info.WorkflowExecution.ID = workflow })
			_, err := o.createTask(`{"task":` + textTask + `}`)
			return err
		}
	}
	first, second := in("first"), in("second")
	failure := applicationError(t, first())
	require.Equal(t, "ERROR_NO_SLOT_AVAILABLE", failure.Type())
	require.Zero(t, failure.NextRetryDelay(), "its own delay grows with each failure")
	wait := o.requireHeld(second(), "ERROR_NO_SLOT_AVAILABLE")
	require.GreaterOrEqual(t, wait, 5*time.Second)
	require.LessOrEqual(t, wait, 5500*time.Millisecond+time.Millisecond)
	require.NoError(t, o.poll(0))
	_, err := o.ExecuteActivity("getBalance")
	require.NoError(t, err)
	require.Empty(t, o.service.Purchases())
	o.wall.move(wait)
	require.NoError(t, second())
	require.NoError(t, first())
	require.Len(t, o.service.Purchases(), 2)

	// On another method it holds back nothing.
	o.wall.move(time.Second)
	o.service.Script(taskID+1, noSlot)
	require.Error(t, o.poll(1))
	require.NoError(t, second())
}

func TestWhatHoldsNothingBack(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]simulator.Answer{
		"429 without Retry-After": simulator.Status(http.StatusTooManyRequests, ""),
		"503 with Retry-After":    simulator.RetryAfter(503, "20"),
		"a limit's code":          simulator.Error("ERROR_TOO_MUCH_REQUESTS"),
		"a verdict":               simulator.Error("ERROR_ZERO_BALANCE"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.service.Script(taskID, answer)
			o.service.Script(taskID+1, simulator.Processing())
			require.Error(t, o.poll(0))
			require.NoError(t, o.poll(1))
		})
	}
}

// A refusal does not count as a poll, and uses up few attempts slowly.
func TestRefusalsByTheBreaker(t *testing.T) {
	t.Parallel()
	policy := &temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second, MaximumAttempts: 7}
	attempt := func(number, most int32, toClose time.Duration) func(*activity.Info) {
		return func(info *activity.Info) {
			info.Attempt, info.ScheduledTime = number, info.StartedTime
			info.StartToCloseTimeout, info.ScheduleToCloseTimeout = 30*time.Second, toClose
			limited := *policy
			limited.MaximumAttempts = most
			info.RetryPolicy = &limited
			info.WorkflowExecution.ID = ""
		}
	}
	for name, test := range map[string]struct {
		change      func(*activity.Info)
		least, most time.Duration
	}{
		"what is left":           {attempt(1, 0, 40*time.Minute), 5 * time.Second, 5501 * time.Millisecond},
		"the last poll's fourth": {attempt(4, 7, 40*time.Minute), 30 * time.Second, 30 * time.Second},
		"a single attempt":       {attempt(1, 1, 40*time.Minute), 5 * time.Second, 5501 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.service.Script(taskID, simulator.RetryAfter(429, "1"))
			require.Error(t, o.poll(0))
			o.changeAttempt(test.change)
			err := o.poll(1)
			wait := o.requireHeld(err, "HTTP 429")
			require.GreaterOrEqual(t, wait, test.least)
			require.LessOrEqual(t, wait, test.most)
			var details activities.ErrorDetails
			notSent := polling.NotSent{Requests: -1}
			require.NoError(t, applicationError(t, err).Details(&details, &notSent))
			require.Zero(t, details.Polls)
		})
	}
}

// A wait that can be woken is handed back, so that a wake-up does not count what was not sent.
func TestPollsByAttemptsThatAreHeldBackAreHandedBack(t *testing.T) {
	t.Parallel()
	var wall clock
	e := newEnvironmentOf(t, []activities.Option{activities.WithClock(wall.Now)})
	e.service.Script(taskID+1, simulator.Error("ERROR_IP_BLOCKED"))
	_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID + 1})
	require.Error(t, err)

	out, err := e.pollTaskResult(newSchedule(time.Minute, time.Minute), 4, func(in *polling.Input) { in.HandBack = true })
	require.NoError(t, err)
	require.Equal(t, 4, out.Polls)
	require.Equal(t, 1, out.Failures)
	require.GreaterOrEqual(t, time.Duration(out.RetryDelay), 3*time.Minute)
	require.Contains(t, out.LastError, "not sent: the service has answered this process with ERROR_IP_BLOCKED")

	_, err = e.pollTaskResult(newSchedule(time.Minute, time.Minute), 4)
	require.Equal(t, 4, errorDetails(t, applicationError(t, err)).Polls)
	require.Empty(t, e.service.RequestsFor(taskID))
}

// Between a submission's turn and its first byte, another request may be told of a ban.
func TestSubmissionThatIsConnectingHearsOfABan(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.service.Script(taskID, simulator.Error("ERROR_IP_BLOCKED"))
	client, err := twocaptcha.NewClient(twocaptcha.Options{
		ClientKey: clientKey, URL: o.service.URL(),
		WrapTransport: func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path == "/createTask" {
					require.Error(t, o.poll(0))
				}
				return next.RoundTrip(r)
			})
		},
	})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	activities.New(client, activities.WithClock(o.wall.Now)).Register(o)
	_, err = o.submitTask(func(*submission.Input) {})
	require.GreaterOrEqual(t, o.requireHeld(err, "ERROR_IP_BLOCKED"), 3*time.Minute)
	require.Empty(t, o.service.Purchases())
	require.Empty(t, o.marks)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Like the distance between requests, a pause needs a clock that passes.
func TestTestEnvironmentWithoutAClockHoldsNothingBack(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Error("ERROR_IP_BLOCKED"), simulator.Processing())
	_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})
	require.Error(t, err)
	_, err = e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})
	require.NoError(t, err)
}

func TestKeyThatWasSetAsideIsNoVerdict(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]*twocaptcha.ServiceError{
		"set aside": {Method: "createTask", Code: "ERROR_KEY_DOES_NOT_EXIST", HTTPStatus: 200, KeySetAside: true},
		"wrong":     {Method: "createTask", Code: "ERROR_KEY_DOES_NOT_EXIST", HTTPStatus: 200},
	} {
		for _, method := range []string{"getTaskResult", "createTask", "getBalance", "reportCorrect"} {
			t.Run(fmt.Sprint(name, " ", method), func(t *testing.T) {
				t.Parallel()
				var classified *temporal.ApplicationError
				require.ErrorAs(t, activities.Classify(method, failure), &classified)
				require.Equal(t, "ERROR_KEY_DOES_NOT_EXIST", classified.Type())
				require.Equal(t, !failure.KeySetAside, classified.NonRetryable())
			})
		}
	}
}
