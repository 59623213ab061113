package workflows

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// TaskCallback is the payload of [TaskCallbackSignal]: the task that has ended, or may have. It
// says when to ask, never what the answer is.
type TaskCallback struct {
	// TaskID is the task's id; it is left out (0 in Go) if the call did not name it.
	TaskID int64 `json:"taskId,omitempty"`
	// Submission names the submission that the call is for, if its address was made for one.
	Submission string `json:"submission,omitempty"`
}

// maxEarlyCallbacks bounds what is remembered of calls that came before their wait. A run takes no
// more signals by default (history.maximumSignalsPerExecution).
const maxEarlyCallbacks = 10_000

// Callbacks receives the [TaskCallbackSignal] signals of a workflow and hands each to the wait of
// its task, so that several waits in one workflow don't take each other's. Make it with
// [NewCallbacks], and give it to each [Await] and each [Solve] by [WithCallbacks].
type Callbacks struct {
	signals workflow.ReceiveChannel
	waits   []*wakeUps // those that run, in the order in which they began
	// submissions counts those of this run's tasks: each is called back by a name of its own.
	submissions int
	// Calls that came before a wait of their task began.
	early          map[int64]bool
	earlyForAnyone bool
	// earlyFor are the tasks that calls have named for submissions that are yet to come; 0: a call
	// named none. A run that was reset begins with the calls for the submissions that it repeats.
	earlyFor map[string][]int64
}

// NewCallbacks returns the workflow's one receiver of [TaskCallbackSignal]. Call it once in a
// workflow: two receivers would take each other's signals. A signal that names no task wakes every
// wait; one whose task nobody waits for yet is kept for the wait that begins later. It may be used
// only in the workflow of ctx, by any of its coroutines.
func NewCallbacks(ctx workflow.Context) *Callbacks {
	return &Callbacks{
		signals: workflow.GetSignalChannel(ctx, TaskCallbackSignal),
		early:   map[int64]bool{}, earlyFor: map[string][]int64{},
	}
}

// wakeUps are the calls that one wait has been handed.
type wakeUps struct {
	callbacks *Callbacks
	taskID    int64 // 0: a task that is being submitted
	called    bool
	// wake unblocks the wait if another one has received its call.
	wake workflow.Channel

	// solves tells that the wait is for a task of this workflow's own, and submissions which calls are
	// for it besides those that name its task. taskIDs are what such calls have named, each once.
	solves      bool
	submissions []string
	taskIDs     []int64
}

// maxCalledTasks bounds how many tasks calls may name for the same submissions. There is one,
// unless somebody else has the address.
const maxCalledTasks = 20

// join begins to hand the task's calls to a wait, until it leaves.
func (c *Callbacks) join(ctx workflow.Context, taskID int64) *wakeUps {
	joined := &wakeUps{callbacks: c, wake: workflow.NewBufferedChannel(ctx, 1)}
	joined.expect(taskID)
	c.waits = append(c.waits, joined)
	return joined
}

// joinSolve is join for a task that is yet to be submitted.
func (c *Callbacks) joinSolve(ctx workflow.Context) *wakeUps {
	joined := &wakeUps{callbacks: c, wake: workflow.NewBufferedChannel(ctx, 1), solves: true}
	c.waits = append(c.waits, joined)
	return joined
}

// expect has calls for the task wake the wait, also those that came before.
func (w *wakeUps) expect(taskID int64) {
	w.taskID = taskID
	w.called = w.called || w.callbacks.early[taskID] || w.callbacks.earlyForAnyone
	delete(w.callbacks.early, taskID)
	w.callbacks.earlyForAnyone = false
}

// listenTo has calls for these submissions be for this wait, also those that came before.
func (w *wakeUps) listenTo(submissions []string) {
	w.submissions = submissions
	for _, submission := range submissions {
		for _, taskID := range w.callbacks.earlyFor[submission] {
			w.called = w.takes(TaskCallback{TaskID: taskID, Submission: submission}, true)
		}
		delete(w.callbacks.earlyFor, submission)
	}
}

// nextSubmission names a submission as no other of any run: a call for an earlier run of the same
// workflow id must not be taken for one for this run.
func (c *Callbacks) nextSubmission(ctx workflow.Context) string {
	c.submissions++
	return submissionName(ctx, c.submissions)
}

func (w *wakeUps) leave() {
	for at, each := range w.callbacks.waits {
		if each == w {
			w.callbacks.waits = append(w.callbacks.waits[:at], w.callbacks.waits[at+1:]...)
			return
		}
	}
}

// receive hands out all signals that are there, without blocking, and tells whether a call for this
// wait was among them since the last time. The payload is received raw: a typed receive would drop
// one of another shape and block again, and with it the wait.
func (w *wakeUps) receive(ctx workflow.Context) bool {
	w.collect(ctx)
	called := w.called
	w.called = false
	return called
}

// collect is receive, but leaves it to a later receive to tell of a call.
func (w *wakeUps) collect(ctx workflow.Context) {
	var raw converter.RawValue
	for w.callbacks.signals.ReceiveAsync(&raw) {
		if call, ok := callOf(ctx, raw.Payload()); ok {
			w.callbacks.handOut(call)
		}
		raw = converter.RawValue{}
	}
	w.wake.ReceiveAsync(nil)
}

// handOut gives a call to the waits that it is for.
func (c *Callbacks) handOut(call TaskCallback) {
	found := false
	submitted := slices.ContainsFunc(c.waits, func(wait *wakeUps) bool { return wait.submitted(call) })
	for _, wait := range c.waits {
		if wait.takes(call, submitted) {
			wait.called, found = true, true
			wait.wake.SendAsync(struct{}{})
		}
	}
	if !submitted && call.Submission != "" && len(c.earlyFor) < maxEarlyCallbacks && len(c.earlyFor[call.Submission]) < maxCalledTasks {
		c.earlyFor[call.Submission] = append(c.earlyFor[call.Submission], call.TaskID)
	}
	switch {
	case found:
	case call.TaskID != 0 && len(c.early) < maxEarlyCallbacks:
		c.early[call.TaskID] = true
	case call.TaskID == 0 && call.Submission == "":
		c.earlyForAnyone = true
	}
}

// submitted tells whether a call is for one of the wait's submissions.
func (w *wakeUps) submitted(call TaskCallback) bool {
	return call.Submission != "" && slices.Contains(w.submissions, call.Submission)
}

// takes tells whether a call is for this wait: by the submission, by the task, or because it names
// neither. known tells that the call is for a submission of some wait. A wait for a task that
// others have submitted knows nothing of submissions, and polls for a call that names an unknown
// one; a wait that submits knows that its own is over.
func (w *wakeUps) takes(call TaskCallback, known bool) bool {
	switch {
	case w.submitted(call):
		if call.TaskID != 0 && !slices.Contains(w.taskIDs, call.TaskID) && len(w.taskIDs) < maxCalledTasks {
			w.taskIDs = append(w.taskIDs, call.TaskID)
		}
		return true
	case call.TaskID != 0:
		return call.TaskID == w.taskID
	}
	return call.Submission == "" || !known && !w.solves
}

// callOf decodes a call. It is false for a payload that is not a call: nobody knows what that one
// means. Operators signal by hand and in batches, so that an id may be a string, stand alone, or be
// missing.
func callOf(ctx workflow.Context, payload *commonpb.Payload) (call TaskCallback, ok bool) {
	if call, ok := callInJSON(payload.GetData()); ok {
		return call, true
	}
	err := decodePayload(ctx, payload, &call) // in the encoding of a data converter
	return call, err == nil && (call.TaskID > 0 || call.TaskID == 0 && call.Submission != "")
}

func callInJSON(data []byte) (call TaskCallback, ok bool) {
	value := bytes.TrimSpace(data)
	if bytes.HasPrefix(value, []byte("{")) {
		var properties struct {
			TaskID     json.RawMessage `json:"taskId"`
			Submission json.RawMessage `json:"submission"`
		}
		if json.Unmarshal(value, &properties) != nil {
			return TaskCallback{}, false
		}
		_ = json.Unmarshal(properties.Submission, &call.Submission) // what is not a text names none
		value = properties.TaskID
	}
	if len(value) == 0 || string(value) == "null" {
		return call, true
	}
	text := string(value)
	if value[0] == '"' && json.Unmarshal(value, &text) != nil {
		return TaskCallback{}, false
	}
	var err error
	call.TaskID, err = strconv.ParseInt(text, 10, 64)
	return call, err == nil && call.TaskID > 0
}
