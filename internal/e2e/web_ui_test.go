package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// screenshotsVariable names the variable that has the screenshots of docs/ taken anew, if it is not
// empty.
const screenshotsVariable = "E2E_SCREENSHOTS"

// webPages are the Web UI's pages of a server that is the test's own, so that the listing shows the
// workflows of this test alone.
type webPages struct {
	browser     harness.Browser
	url         string
	client      client.Client
	screenshots string // a folder
}

// The Web UI's tabs of a workflow.
const (
	historyTab  = "history"
	pendingTab  = "pending-activities"
	metadataTab = "user-metadata"
)

// questions are the contents of tasks, which the Web UI shows in the history's input alone.
const (
	unsolvableQuestion = "what is two and two"
	refusedQuestion    = "what is three and three"
)

func TestWebUI(t *testing.T) {
	t.Parallel()
	browser := harness.StartBrowser(t)
	service := harness.StartSimulatorWith(t, simulator.Options{NewTask: newUnsolvableOrRefusedTask()})
	server := harness.StartServer(t, devserver.Options{})
	harness.StartWorkerOn(t, server.Address(), workflows.TaskQueue, service.URL())
	ui := webPages{
		browser:     browser,
		url:         server.WebURL() + "/namespaces/default/workflows",
		client:      harness.DialWith(t, client.Options{HostPort: server.Address()}),
		screenshots: screenshotFolder(t),
	}
	waitOn := func(taskQueue string, taskID int64, timeout time.Duration, answers ...simulator.Answer) client.WorkflowRun {
		service.Script(taskID, answers...)
		input := harness.Soon(taskID)
		input.Timeout = timeout
		return harness.StartWait(t, ui.client, taskQueue, input)
	}
	wait := func(taskID int64, answers ...simulator.Answer) client.WorkflowRun {
		return waitOn(workflows.TaskQueue, taskID, 0, answers...)
	}
	running := wait(74372499131)
	failing := wait(74372499132, simulator.HTMLPage())
	banned := harness.NewTaskQueue() // a ban silences its whole worker
	harness.StartWorkerOn(t, server.Address(), banned, service.URL())
	// The next request would be allowed after the deadline, so that the poll ends with its error.
	blocked := waitOn(banned, 74372499133, 170*time.Second, simulator.Error("ERROR_IP_BLOCKED"))
	ready := wait(74372499134, simulator.Processing(), simulator.Ready(`{"text":"hello world"}`))
	failed := wait(74372499135, simulator.Processing(), simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
	again := ui.solve(t, "order-17", unsolvableQuestion)
	refused := ui.solve(t, "order-18", refusedQuestion)

	t.Run("a poll that is repeated", func(t *testing.T) {
		ui.shows(t, failing, pendingTab, "failing", `getTaskResult`,
			`Attempt\s+[2-9]`, `HTTP status 521`)
		ui.shows(t, failing, metadataTab, "", `Task 74372499132: polling, 0 polls`, `Deadline: 20\d\d-`)
	})
	t.Run("the last error", func(t *testing.T) {
		ui.shows(t, blocked, metadataTab, "last-error", `(?m)^2captcha task 74372499133`, `Task 74372499133: waiting, 1 poll`,
			`Next poll: 20\d\d-`, `Deadline: 20\d\d-`,
			`Last error: getTaskResult: ERROR_IP_BLOCKED \(ask again in 3 minutes or later\): The IP is banned`,
			`before poll 2 of task 74372499133, the last`)
	})
	t.Run("a task that is being submitted", func(t *testing.T) {
		ui.shows(t, refused, metadataTab, "submitting", `(?m)^2captcha: submit a task and wait for its result`,
			`Task: submitting`, `Deadline: 20\d\d-`, `Last error: createTask: ERROR_NO_SLOT_AVAILABLE`, `Attempts: 1 of 3`,
			`submission, attempt 1 of 3`, `before the next submission, attempt 1 of 3`)
	})
	t.Run("a running wait", func(t *testing.T) {
		ui.shows(t, running, metadataTab, "", `(?m)^2captcha task 74372499131`,
			`Task 74372499131: waiting, ([2-9]|\d\d+) polls, last answer: processing`, `Next poll: 20\d\d-`, `Deadline: 20\d\d-`,
			`poll 2 of task 74372499131`, `before poll 3 of task 74372499131`)
		ui.shows(t, running, historyTab, "running", `Running`, `"taskId": 74372499131`,
			`getTaskResult • poll 2 of task 74372499131`, `before poll 3 of task 74372499131`)
	})
	t.Run("a wait that found the result", func(t *testing.T) {
		ui.shows(t, ready, historyTab, "", `Completed`, `"text": "hello world"`, `getTaskResult • poll 2 of task 74372499134`)
		ui.shows(t, ready, metadataTab, "", `(?m)^2captcha task 74372499134`,
			`Task 74372499134: ready, 2 polls, last answer: ready`)
	})
	t.Run("a wait that failed", func(t *testing.T) {
		ui.shows(t, failed, historyTab, "failed", `Failed`, `ERROR_CAPTCHA_UNSOLVABLE`, `Workers could not solve the Captcha`)
		ui.shows(t, failed, metadataTab, "", `Task 74372499135: failed, 2 polls`,
			`Last error: .*ERROR_CAPTCHA_UNSOLVABLE.*Workers could not solve the Captcha`)
	})
	t.Run("a second attempt", func(t *testing.T) {
		var bought []string
		for _, purchase := range service.Purchases() {
			bought = append(bought, fmt.Sprint(purchase.TaskID))
		}
		require.Len(t, bought, 2)
		ui.shows(t, again, metadataTab, "attempts", `Task `+bought[1]+`: waiting, \d+ polls?`, `Attempts: 2 of 3`,
			`Bought: `+strings.Join(bought, " "), `submission, attempt 2 of 3`, `poll 1 of task `+bought[1])
	})
	t.Run("the listing", func(t *testing.T) {
		ui.showsURL(t, ui.url, "workflows", `7\s+Workflows`, `2captcha-task-74372499131`, `2captcha-solve-order-17`, `AwaitTaskResult`, `SolveTask`)
	})
}

// newUnsolvableOrRefusedTask makes a first task that can't be solved and a second one that is never
// ready, and refuses those with the refused question.
func newUnsolvableOrRefusedTask() func(simulator.NewTask) simulator.Submission {
	answers := make(chan []simulator.Answer, 2)
	answers <- []simulator.Answer{simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")}
	answers <- nil
	return func(task simulator.NewTask) simulator.Submission {
		if strings.Contains(string(task.Task), refusedQuestion) {
			refusal := simulator.Error("ERROR_NO_SLOT_AVAILABLE")
			return simulator.Submission{Refused: &refusal}
		}
		return simulator.Submission{Answers: <-answers}
	}
}

func (ui webPages) solve(t *testing.T, id, question string) client.WorkflowRun {
	t.Helper()
	task, err := json.Marshal(map[string]string{"type": "TextCaptchaTask", "comment": question})
	require.NoError(t, err)
	run, err := ui.client.ExecuteWorkflow(harness.Context(t), workflows.SolveOptions(id), workflows.SolveTaskWorkflow,
		workflows.SolveTaskInput{Task: task, Attempts: 3, InitialDelay: time.Millisecond})
	require.NoError(t, err)
	return run
}

// shows requires that a tab of the workflow shows these regular expressions, and saves a screenshot
// if it has a name.
func (ui webPages) shows(t *testing.T, run client.WorkflowRun, tab, screenshot string, wanted ...string) {
	t.Helper()
	ui.showsURL(t, fmt.Sprintf("%s/%s/%s/%s", ui.url, run.GetID(), run.GetRunID(), tab), screenshot, wanted...)
}

func (ui webPages) showsURL(t *testing.T, url, screenshot string, wanted ...string) {
	t.Helper()
	var expressions []*regexp.Regexp
	for _, each := range wanted {
		expressions = append(expressions, regexp.MustCompile(each))
	}
	text := ui.browser.Shows(t, url, expressions...)
	for _, secret := range []string{harness.ClientKey, unsolvableQuestion, refusedQuestion} {
		require.NotContains(t, text, secret, "%s", url)
	}
	if screenshot != "" {
		path := filepath.Join(ui.screenshots, screenshot+".png")
		require.NoError(t, os.WriteFile(path, ui.browser.Screenshot(t), 0o644))
	}
}

func screenshotFolder(t *testing.T) string {
	t.Helper()
	if os.Getenv(screenshotsVariable) == "" {
		return t.TempDir()
	}
	return filepath.Join(repository, "docs", "web-ui")
}
