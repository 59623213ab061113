package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/provider"
)

// workerEndTimeout is above the worker's own time to stop.
const workerEndTimeout = workerStopTimeout + 10*time.Second

// workerHandle is a worker process, as the benchmark sees it: this program again, in another role. It ends with its standard
// input, so that it never outlives the benchmark.
type workerHandle struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	stderr  strings.Builder

	serving  chan serving      // has one, once it serves
	counts   chan workerCounts // has what was told last
	done     chan struct{}     // closed once its output has ended
	stopping atomic.Bool

	mutex    sync.Mutex
	requests *json.Encoder
	outcomes map[int64]chan loopOutcome
}

// workerSettings say which worker process to start.
type workerSettings struct {
	design   string
	apiURL   string
	temporal string // the server's address
	key      string // of the service
	secret   string // of the callbacks
	profiles string // a folder; "": none
	tuning   workerTuning
}

// startWorker returns once the process serves, and where its callbacks go.
func startWorker(ctx context.Context, settings workerSettings) (*workerHandle, serving, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, serving{}, err
	}
	arguments := append([]string{
		workerRole, "--design", settings.design, "--api-url", settings.apiURL,
		"--temporal", settings.temporal, "--profiles", settings.profiles,
	}, settings.tuning.arguments()...)
	w := &workerHandle{
		command:  exec.Command(program, arguments...),
		serving:  make(chan serving, 1),
		counts:   make(chan workerCounts, 1),
		done:     make(chan struct{}),
		outcomes: map[int64]chan loopOutcome{},
	}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TWOCAPTCHA_") && !strings.HasPrefix(variable, "TEMPORAL_") {
			w.command.Env = append(w.command.Env, variable)
		}
	}
	w.command.Env = append(w.command.Env,
		provider.ClientKeyVariable+"="+settings.key, command.CallbackSecretVariable+"="+settings.secret)
	w.command.Stderr = &w.stderr
	if w.stdin, err = w.command.StdinPipe(); err != nil {
		return nil, serving{}, err
	}
	stdout, err := w.command.StdoutPipe()
	if err != nil {
		return nil, serving{}, err
	}
	w.requests = json.NewEncoder(w.stdin)
	if err := w.command.Start(); err != nil {
		return nil, serving{}, err
	}
	go w.read(stdout)
	select {
	case at := <-w.serving:
		return w, at, nil
	case <-w.done:
		err = errors.New("the worker process ended before it served")
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	_, stopErr := w.stop()
	return nil, serving{}, errors.Join(err, stopErr)
}

// processID is the process's, whose usage can be read until stop.
func (w *workerHandle) processID() int { return w.command.Process.Pid }

// request asks the process for something.
func (w *workerHandle) request(request workerRequest) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if err := w.requests.Encode(request); err != nil {
		return fmt.Errorf("the worker process takes no requests: %w", err)
	}
	return nil
}

// wait has the process wait for a task, and returns what has come of it. One task is waited for once.
func (w *workerHandle) wait(ctx context.Context, taskID int64) (loopOutcome, error) {
	outcome := w.outcome(taskID)
	if err := w.request(workerRequest{Wait: taskID}); err != nil {
		return loopOutcome{}, err
	}
	select {
	case outcome := <-outcome:
		return outcome, nil
	case <-w.done:
		return loopOutcome{}, errors.New("the worker process has ended")
	case <-ctx.Done():
		return loopOutcome{}, context.Cause(ctx)
	}
}

// stop has the process end, and returns its counts. The error says how it failed, with what it wrote.
func (w *workerHandle) stop() (workerCounts, error) {
	w.stopping.Store(true)
	closeErr := w.stdin.Close()
	kill := time.AfterFunc(workerEndTimeout, func() { _ = w.command.Process.Kill() })
	defer kill.Stop()
	<-w.done
	if err := w.command.Wait(); err != nil {
		return workerCounts{}, fmt.Errorf("the worker process failed: %w: %s", err, strings.TrimSpace(w.stderr.String()))
	}
	select {
	case counts := <-w.counts:
		return counts, closeErr
	default:
		return workerCounts{}, errors.Join(closeErr, errors.New("the worker process has ended without its counts"))
	}
}

// count asks the process for its counts.
func (w *workerHandle) count(ctx context.Context) (workerCounts, error) {
	if err := w.request(workerRequest{Count: true}); err != nil {
		return workerCounts{}, err
	}
	select {
	case counts := <-w.counts:
		return counts, nil
	case <-w.done:
		return workerCounts{}, errors.New("the worker process has ended")
	case <-ctx.Done():
		return workerCounts{}, context.Cause(ctx)
	}
}

// read takes the process's messages until it has ended.
func (w *workerHandle) read(stdout io.Reader) {
	defer close(w.done)
	for messages := json.NewDecoder(stdout); ; {
		var message workerMessage
		if err := messages.Decode(&message); err != nil {
			return
		}
		switch {
		case message.Serving != nil:
			w.serving <- *message.Serving
		case message.Outcome != nil:
			w.outcome(message.Outcome.TaskID) <- *message.Outcome
		case message.Counts != nil:
			select {
			case <-w.counts: // nobody has waited for it
			default:
			}
			w.counts <- *message.Counts
		}
	}
}

// outcome is the channel of one task's outcome, which has room for it.
func (w *workerHandle) outcome(taskID int64) chan loopOutcome {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.outcomes[taskID] == nil {
		w.outcomes[taskID] = make(chan loopOutcome, 1)
	}
	return w.outcomes[taskID]
}
