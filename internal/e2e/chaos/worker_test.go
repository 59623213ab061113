package chaos

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
)

// termLimit is how long a worker may take to end after SIGTERM: an orchestrator kills a pod after
// 30 s. The worker itself promises 20 s.
const termLimit = 30 * time.Second

// disturbedWorker is one worker of the run: a process, and after that process the next one.
type disturbedWorker struct {
	run     *disturbedRun
	name    string
	process *harness.Process

	callbackPort int
}

func (w *disturbedWorker) start() {
	callbackAddress := fmt.Sprintf("127.0.0.1:%d", w.callbackPort)
	environment := []string{
		"TWOCAPTCHA_CALLBACK_ADDRESS=" + callbackAddress,
		"TWOCAPTCHA_CALLBACK_URL=http://" + callbackAddress + "/2captcha",
		"TWOCAPTCHA_CALLBACK_SECRET=" + harness.CallbackSecret,
		"TEMPORAL_ADDRESS=" + w.run.server.address(),
		"TWOCAPTCHA_API_KEY=" + harness.ClientKey,
		fmt.Sprintf("TWOCAPTCHA_MAX_REQUESTS_PER_SECOND=%g", w.run.plan.form.requestsPerSecond),
		harness.WithoutDeadlockDetection,
	}
	url, err := w.run.service.Listen()
	if err != nil {
		panic(err) // there is no free port
	}
	started, err := harness.BeginProcess(w.run.t, harness.WorkerCommand(environment, taskQueue, url))
	if err != nil {
		panic(err) // the same program has run already
	}
	w.process = started
	w.run.mutex.Lock()
	w.run.processes[strings.TrimPrefix(url, "http://")] = started.ID()
	w.run.mutex.Unlock()
}

// disturb carries out the worker's part of the plan, and then lets it run until the tasks have
// ended.
func (w *disturbedWorker) disturb(disturbances []disturbance, tasksEnded <-chan struct{}) {
	for _, d := range disturbances {
		due, cancel := context.WithDeadline(context.Background(), w.run.begun.Add(d.at))
		w.keepRunning(due.Done())
		cancel()
		over := incident{who: w.name, process: w.process.ID(), kind: d.kind, from: time.Now()}
		// A worker that has just ended by itself is noticed by keepRunning.
		switch d.kind {
		case byKill:
			w.process.SignalIfRunning(syscall.SIGKILL)
			<-w.process.Ended()
			time.Sleep(d.lasts)
			w.start()
		case byTerm:
			w.terminate()
			time.Sleep(d.lasts)
			w.start()
		case byStop:
			w.process.SignalIfRunning(syscall.SIGSTOP)
			time.Sleep(d.lasts)
			w.process.SignalIfRunning(syscall.SIGCONT)
		}
		w.run.note(over)
	}
	w.keepRunning(tasksEnded)
	w.terminate()
}

// keepRunning returns once until is closed. Meanwhile it does what an orchestrator does: it starts
// a worker again that has ended. A worker may end only if it was started while the Temporal server
// was down.
func (w *disturbedWorker) keepRunning(until <-chan struct{}) {
	for {
		select {
		case <-w.process.Ended():
			w.startAgain()
		case <-until:
			return
		}
	}
}

func (w *disturbedWorker) startAgain() {
	status, wrote := w.process.Status(), w.process.Stderr()
	if status == 1 && strings.Contains(wrote, "can't be reached") && !strings.Contains(wrote, harness.WorkerStarted) {
		w.run.mutex.Lock()
		w.run.refused++
		w.run.mutex.Unlock()
	} else {
		assert.Fail(w.run.t, "a worker ended by itself", "%s, with status %d; it wrote\n%s", w.name, status, wrote)
	}
	time.Sleep(retryPause)
	w.start()
}

// terminate sends SIGTERM to a worker that has started, and returns when the worker has ended.
func (w *disturbedWorker) terminate() {
	for !w.process.Writes(harness.WorkerStarted) {
		w.startAgain()
	}
	from := time.Now()
	w.process.SignalIfRunning(syscall.SIGTERM)
	select {
	case <-w.process.Ended():
		assert.Equal(w.run.t, 0, w.process.Status(), "%s after SIGTERM wrote\n%s", w.name, w.process.Stderr())
	case <-time.After(termLimit):
		assert.Fail(w.run.t, "a worker does not end after SIGTERM", "%s wrote\n%s", w.name, w.process.Stderr())
		w.process.SignalIfRunning(syscall.SIGKILL)
		<-w.process.Ended()
	}
	w.run.mutex.Lock()
	defer w.run.mutex.Unlock()
	w.run.slowestTerm = max(w.run.slowestTerm, time.Since(from))
}
