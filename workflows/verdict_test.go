package workflows_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// serviceCodes are the codes that package twocaptcha has a constant for, read from its source, so
// that one which is added there is tested here.
func serviceCodes(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../twocaptcha/error_codes.go", nil, 0)
	require.NoError(t, err)
	var codes []string
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Error") {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		codes = append(codes, code)
		return false
	})
	require.Len(t, codes, 23, "the service's table has 20 codes, and its relatives add 3; if it has grown, this number grows")
	return codes
}

func TestEveryTerminalCodeEndsTheWaitAtOnce(t *testing.T) {
	t.Parallel()
	codes := append(serviceCodes(t), "ERR_PROXY_CONNECTION_FAILED", "ERROR_THAT_NOBODY_KNOWS")
	for _, code := range codes {
		switch code {
		case "ERROR_NO_SLOT_AVAILABLE", "ERROR_IP_BLOCKED", "ERROR_TOO_MUCH_REQUESTS", "ERROR_RATE_LIMIT",
			"ERROR_SERVICE_UNAVALIABLE":
			continue // these go away
		}
		statuses := []int{200, 400}
		if code != "ERR_PROXY_CONNECTION_FAILED" && code != "ERROR_THAT_NOBODY_KNOWS" {
			statuses = append(statuses, 503)
		}
		for _, status := range statuses {
			t.Run(fmt.Sprintf("%s on HTTP %d", code, status), func(t *testing.T) {
				t.Parallel()
				withEachPolling(t, func(t *testing.T, e *environment) {
					e.service.Script(taskID, simulator.Error(code).WithHTTPStatus(status).WithRetryAfter("7"))

					_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

					failure := applicationError(t, err)
					require.Equal(t, code, failure.Type())
					require.Equal(t, code, workflows.ErrorCode(err))
					require.Len(t, e.service.RequestsFor(taskID), 1)
					category := temporal.ApplicationErrorCategoryUnspecified
					if code == "ERROR_CAPTCHA_UNSOLVABLE" || code == "ERROR_BAD_DUPLICATES" {
						category = temporal.ApplicationErrorCategoryBenign
					}
					require.Equal(t, category, failure.Category())
					details := errorDetails(t, failure)
					require.NotZero(t, details.ErrorID)
					require.NotEmpty(t, details.ErrorDescription)
					require.Contains(t, failure.Message(), details.ErrorDescription)
					require.Contains(t, failure.Message(), "task 74372499131")
					details.ErrorID, details.ErrorDescription = 0, ""
					require.Equal(t, workflows.ErrorDetails{TaskID: taskID, ErrorCode: code, Polls: 1}, details)
					require.Equal(t, workflows.StateFailed, e.status().State)
				})
			})
		}
	}
}

func TestVerdictAfterProcessing(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.ErrorAfter(12*time.Second, "ERROR_CAPTCHA_UNSOLVABLE"))

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		failure := applicationError(t, err)
		want := workflows.ErrorDetails{TaskID: taskID, ErrorID: 12, ErrorCode: "ERROR_CAPTCHA_UNSOLVABLE",
			ErrorDescription: "Workers could not solve the Captcha", Polls: 3, LastStatus: "processing"}
		if e.byRetries() {
			want.LastStatus = "" // the workflow has not seen it
		}
		require.Equal(t, want, errorDetails(t, failure))
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	unavailable := simulator.RetryAfter(503, "60")
	for name, test := range map[string]struct {
		in      workflows.AwaitTaskResultInput
		answers []simulator.Answer
		expired bool
		// unseen tells that an answer before shows it, which the workflow does not see with
		// PollingActivityRetry.
		unseen bool
	}{
		"unknown at the first poll": {
			answers: []simulator.Answer{simulator.Expired()},
		},
		"unknown soon, and never seen": {
			answers: []simulator.Answer{unavailable, unavailable, unavailable, simulator.Expired()},
		},
		"seen processing": {
			answers: []simulator.Answer{simulator.Processing(), simulator.Expired()}, expired: true, unseen: true,
		},
		"seen processing, and later than 15 minutes": {
			in:      workflows.AwaitTaskResultInput{PollInterval: 16 * time.Minute, Timeout: time.Hour},
			answers: []simulator.Answer{simulator.Processing(), simulator.Expired()}, expired: true,
		},
		"seen processing, by an activity before": { // an activity has no more than 10 attempts in the test environment
			answers: append(slices.Repeat([]simulator.Answer{simulator.Processing()}, 10), simulator.Expired()), expired: true,
		},
		"never seen, at 15 minutes": {
			in:      workflows.AwaitTaskResultInput{InitialDelay: 15 * time.Minute, Timeout: time.Hour},
			answers: []simulator.Answer{simulator.Expired()},
		},
		"never seen, later than 15 minutes": {
			in:      workflows.AwaitTaskResultInput{InitialDelay: 15*time.Minute + time.Millisecond, Timeout: time.Hour},
			answers: []simulator.Answer{simulator.Expired()}, expired: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPolling(t, func(t *testing.T, e *environment) {
				e.service.Script(taskID, test.answers...)
				in := test.in
				in.TaskID = taskID
				expired := test.expired && !(test.unseen && e.byRetries())

				_, err := e.await(in)

				failure := applicationError(t, err)
				require.Equal(t, "ERROR_NO_SUCH_CAPCHA_ID", failure.Type())
				details := errorDetails(t, failure)
				require.Equal(t, expired, details.Expired)
				require.Equal(t, int64(16), details.ErrorID)
				require.Len(t, e.service.RequestsFor(taskID), len(test.answers))
				if expired {
					require.Equal(t, "task 74372499131: ERROR_NO_SUCH_CAPCHA_ID: its result has expired: "+
						"the service keeps results for 15 minutes after submission", failure.Message())
				}
			})
		})
	}
}

func TestOnlyAnIDThatIsUnknownExpires(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Processing(), simulator.Error("ERROR_ZERO_BALANCE"))

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.False(t, errorDetails(t, applicationError(t, err)).Expired)
	})
}

func TestAnswersThatAskingAgainCantMend(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer  simulator.Answer
		message string
		errorID int64
	}{
		"over 256 KiB":               {simulator.Oversized(256<<10 + 1), "over 256 KiB", 0},
		"an errorId without a code":  {simulator.Body(`{"errorId":17}`), "errorId 17 and no errorCode", 17},
		"an errorId, its code null":  {simulator.Body(`{"errorId":1,"errorCode":null}`), "errorId 1 and no errorCode", 1},
		"an errorId on HTTP 400":     {simulator.Body(`{"errorId":2}`).WithHTTPStatus(400), "errorId 2 and no errorCode", 2},
		"an errorId with processing": {simulator.Body(`{"errorId":2,"status":"processing"}`), "no errorCode", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPolling(t, func(t *testing.T, e *environment) {
				e.service.Script(taskID, test.answer)

				_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

				failure := applicationError(t, err)
				require.Equal(t, activities.ErrorTypeUnexpectedResponse, failure.Type())
				require.Contains(t, failure.Message(), test.message)
				require.Equal(t, workflows.ErrorDetails{TaskID: taskID, ErrorID: test.errorID, Polls: 1}, errorDetails(t, failure))
				require.Len(t, e.service.RequestsFor(taskID), 1)
			})
		})
	}
}

func TestAnswerOf256KiBIsTaken(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Oversized(256<<10))

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		require.Greater(t, len(out.Solution), 255<<10)
	})
}

// Whatever else a poll ends with, the wait goes on.
func TestEndsOfAPollThatAreNoVerdict(t *testing.T) {
	t.Parallel()
	verdict := temporal.NewNonRetryableApplicationError("an earlier attempt's", "ERROR_ZERO_BALANCE", nil)
	for name, failure := range map[string]error{
		"start-to-close timeout":                           temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil),
		"timeout, with an earlier attempt's verdict below": temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, verdict),
		"retryable":                 temporal.NewApplicationError("odd", "Odd"),
		"retryable, around verdict": temporal.NewApplicationErrorWithCause("odd", "Odd", verdict),
		"canceled by the worker":    temporal.NewCanceledError(),
		"no error of Temporal's":    fmt.Errorf("odd: %w", context.DeadlineExceeded),
		"a panic":                   nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPolling(t, func(t *testing.T, e *environment) {
				e.service.Script(taskID, simulator.Ready(solution))
				e.attempt = func(_ context.Context, request func() (any, error)) (any, error) {
					switch {
					case len(e.polls) > 1:
						return request()
					case failure == nil:
						panic("at the first poll")
					}
					return nil, failure
				}

				out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

				require.NoError(t, err)
				require.Equal(t, 2, out.Polls)
			})
		})
	}
}

// A worker in another language may leave out what an activity failed with.
func TestPollThatFailsWithoutSayingWhy(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Ready(solution))
		e.pollError = func() error {
			if len(e.polls) > 1 {
				return nil
			}
			return temporal.GetDefaultFailureConverter().FailureToError(&failurepb.Failure{
				FailureInfo: &failurepb.Failure_ActivityFailureInfo{ActivityFailureInfo: &failurepb.ActivityFailureInfo{}}})
		}
		e.after(7*time.Second, func() { require.Contains(t, e.status().LastError, "activity error") })

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		require.Equal(t, 2, out.Polls)
	})
}
