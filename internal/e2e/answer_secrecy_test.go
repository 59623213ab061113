package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// keyMark stands in place of the client key if the service's text held the key.
const keyMark = "[client key]"

// echo is an answer that holds the client key.
type echo struct {
	place     string
	answer    simulator.Answer
	transient bool
}

// echoes have the key in every place whose text goes on to users.
func echoes() []echo {
	literal := func(format string) simulator.Answer {
		return simulator.Body(strings.ReplaceAll(format, "KEY", harness.ClientKey))
	}
	escaped := func(format string) simulator.Answer {
		return simulator.Body(strings.ReplaceAll(format, "KEY", escapedKey()))
	}
	const (
		solution    = `{"errorId":0,"status":"ready","solution":{"text":"a KEY z"}}`
		code        = `{"errorId":12,"errorCode":"ERROR_KEY","errorDescription":"no"}`
		description = `{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"for key KEY"}`
		withoutCode = `{"errorId":12,"errorDescription":"for key KEY"}`
		status      = `{"errorId":0,"status":"KEY"}`
		brokenOff   = `{"clientKey":"KEY","err`
		page        = `<html><body>you sent {"clientKey":"KEY"}</body></html>`
	)
	return []echo{
		{place: "a solution", answer: literal(solution)},
		{place: "a solution, escaped", answer: escaped(solution)},
		{place: "a solution that is a string", answer: literal(`{"errorId":0,"status":"ready","solution":"KEY"}`)},
		{place: "a solution's property", answer: literal(`{"errorId":0,"status":"ready","solution":{"KEY":1}}`)},
		{place: "JSON in a solution's string",
			answer: literal(`{"errorId":0,"status":"ready","solution":{"json":"{\"clientKey\":\"KEY\"}"}}`)},
		{place: "a cost", answer: literal(`{"errorId":0,"status":"ready","solution":{},"cost":"KEY"}`)},
		{place: "an IP address", answer: literal(`{"errorId":0,"status":"ready","solution":{},"ip":"KEY"}`)},
		{place: "a code", answer: literal(code)},
		{place: "a code, escaped", answer: escaped(code)},
		{place: "a description", answer: literal(description)},
		{place: "a description, in capitals", answer: simulator.Body(strings.ReplaceAll(description, "KEY", strings.ToUpper(harness.ClientKey)))},
		{place: "a description, in part", answer: simulator.Body(strings.ReplaceAll(description, "KEY", harness.ClientKey[4:20]))},
		{place: "a description, in base64", answer: simulator.Body(strings.ReplaceAll(description, "KEY",
			base64.StdEncoding.EncodeToString([]byte("user:"+harness.ClientKey))))},
		{place: "a description, escaped", answer: escaped(description)},
		{place: "a description on HTTP 401", answer: literal(description).WithHTTPStatus(http.StatusUnauthorized)},
		{place: "an error without a code", answer: literal(withoutCode)},
		{place: "an error without a code, escaped", answer: escaped(withoutCode)},
		{place: "a status", answer: literal(status), transient: true},
		{place: "a status, escaped", answer: escaped(status), transient: true},
		{place: "JSON that breaks off", answer: literal(brokenOff), transient: true},
		{place: "an HTML page", answer: literal(page), transient: true},
		{place: "an HTML page on HTTP 502", answer: literal(page).WithHTTPStatus(http.StatusBadGateway),
			transient: true},
		{place: "a text on HTTP 500",
			answer: simulator.Status(http.StatusInternalServerError, "500 for "+harness.ClientKey), transient: true},
		{place: "a redirect", answer: simulator.Redirect("https://" + harness.ClientKey + ".example/?" + harness.ClientKey), transient: true},
	}
}

// escapedKey is the key as JSON may spell it.
func escapedKey() string {
	var text strings.Builder
	for _, char := range harness.ClientKey {
		fmt.Fprintf(&text, `\u%04x`, char)
	}
	return text.String()
}

// TestClientKeyIsNowhere has the service give the client key back. The harness checks what the
// worker logs, at its most talkative.
func TestClientKeyIsNowhere(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL(), "--log-level", "debug")

	// There are two tasks for each echo. The starter's has a deadline at which a transient failure
	// is the last error; the client's goes on polling.
	rows := echoes()
	arguments, byStarter := []string{"--initial-delay", "1ms", "--timeout", "6s"}, make([]int64, len(rows))
	byClient, runs := make([]int64, len(rows)), make([]client.WorkflowRun, len(rows))
	for i, row := range rows {
		byStarter[i], byClient[i] = harness.NewTaskID(), harness.NewTaskID()
		service.Script(byStarter[i], row.answer)
		service.Script(byClient[i], row.answer)
		arguments = append(arguments, strconv.FormatInt(byStarter[i], 10))
		runs[i] = harness.StartWait(t, temporalClient, taskQueue, harness.Soon(byClient[i]))
	}
	starter := harness.StartStarter(t, taskQueue, arguments...)
	pending := make([]string, len(rows))
	for i, row := range rows {
		if row.transient { // what the Web UI shows meanwhile
			pending[i] = harness.WaitForFailedAttempt(t, temporalClient, runs[i]).String()
			service.Script(byClient[i], simulator.Ready(`{}`))
		}
	}
	lines := harness.LinesByTask(t, starter.Wait(t).Stdout)

	for i, row := range rows {
		t.Run(row.place, func(t *testing.T) {
			requireWithoutKey(t, "the starter's line", lines[byStarter[i]])
			requireWithoutKey(t, "the pending activity", pending[i])
			if err := runs[i].Get(harness.Context(t), nil); err != nil {
				requireWithoutKey(t, "the error that a client gets", err.Error())
			}
			for _, taskID := range []int64{byStarter[i], byClient[i]} {
				workflowID := workflows.WorkflowID(taskID)
				history := harness.ClosedHistory(t, temporalClient, workflowID, "")
				require.NoError(t, harness.HoldsKey(history))
				if taskID == byStarter[i] {
					require.Contains(t, fmt.Sprint(history.GetEvents()), keyMark, "the mark is where the key was")
				}
				description, err := temporalClient.DescribeWorkflow(harness.Context(t), workflowID, "")
				require.NoError(t, err)
				requireWithoutKey(t, "the description", description.RawResponse.String())
				for _, query := range []string{workflows.StatusQuery, client.QueryTypeStackTrace, "__temporal_workflow_metadata"} {
					var value converter.EncodedValue
					// A busy server may find no poller for a while.
					require.Eventually(t, func() bool {
						value, err = temporalClient.QueryWorkflow(context.Background(), workflowID, "", query)
						return err == nil
					}, harness.Patience, 50*time.Millisecond, "the query %s is not answered", query)
					var answer converter.RawValue
					require.NoError(t, value.Get(&answer))
					requireWithoutKey(t, "the answer to "+query, string(answer.Payload().GetData()))
				}
			}
		})
	}
}

func requireWithoutKey(t *testing.T, what, text string) {
	t.Helper()
	require.False(t, harness.SpellsKey([]byte(text)) || strings.Contains(text, escapedKey()),
		"the client key is in %s:\n%s", what, text)
}
