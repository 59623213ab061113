package workflows

import (
	"bytes"
	"encoding/json"
	"strconv"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// TaskCallback is the payload of [TaskCallbackSignal]: the task that has ended, or may have. It
// says when to ask, never what the answer is.
type TaskCallback struct {
	// TaskID is the task's id; 0 if the call did not name it.
	TaskID int64 `json:"taskId,omitempty"`
	// Submission names the submission that the call is for, if its address was made for one.
	Submission string `json:"submission,omitempty"`
}

// maxEarlyCallbacks bounds what is remembered of calls that came before their wait. A run takes no
// more signals by default (history.maximumSignalsPerExecution).
const maxEarlyCallbacks = 10_000

// Callbacks receives the [TaskCallbackSignal] signals of a workflow and hands each to the wait of
// its task, so that several waits in one workflow don't take each other's. Make it with
// [NewCallbacks], and give it to each [Await] by [WithCallbacks].
type Callbacks struct {
	signals workflow.ReceiveChannel
	waits   []*wakeUps // those that run, in the order in which they began
	// Calls that came before a wait of their task began.
	early          map[int64]bool
	earlyForAnyone bool
}

// NewCallbacks returns the workflow's one receiver of [TaskCallbackSignal]. Call it once in a
// workflow: two receivers would take each other's signals. A signal that names no task wakes every
// wait; one whose task nobody waits for yet is kept for the wait that begins later. It may be used
// only in the workflow of ctx, by any of its coroutines.
func NewCallbacks(ctx workflow.Context) *Callbacks {
	return &Callbacks{signals: workflow.GetSignalChannel(ctx, TaskCallbackSignal), early: map[int64]bool{}}
}

// wakeUps are the calls that one wait has been handed.
type wakeUps struct {
	callbacks *Callbacks
	taskID    int64
	called    bool
	// wake unblocks the wait if another one has received its call.
	wake workflow.Channel
}

// join begins to hand the task's calls to a wait, until it leaves.
func (c *Callbacks) join(ctx workflow.Context, taskID int64) *wakeUps {
	joined := &wakeUps{
		callbacks: c, taskID: taskID, called: c.early[taskID] || c.earlyForAnyone,
		wake: workflow.NewBufferedChannel(ctx, 1),
	}
	delete(c.early, taskID)
	c.earlyForAnyone = false
	c.waits = append(c.waits, joined)
	return joined
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
	var raw converter.RawValue
	for w.callbacks.signals.ReceiveAsync(&raw) {
		if taskID, ok := calledTask(ctx, raw.Payload()); ok {
			w.callbacks.handOut(taskID)
		}
		raw = converter.RawValue{}
	}
	w.wake.ReceiveAsync(nil)
	called := w.called
	w.called = false
	return called
}

// handOut gives a call to the waits for the task, or, if the task is 0, to all of them.
func (c *Callbacks) handOut(taskID int64) {
	found := false
	for _, wait := range c.waits {
		if taskID == 0 || taskID == wait.taskID {
			wait.called, found = true, true
			wait.wake.SendAsync(struct{}{})
		}
	}
	switch {
	case found:
	case taskID == 0:
		c.earlyForAnyone = true
	case len(c.early) < maxEarlyCallbacks:
		c.early[taskID] = true
	}
}

// calledTask returns the task that a call names, or 0 if it names none. It is false for a payload
// that is not a call: nobody knows what that one means. Operators signal by hand and in batches, so
// that an id may be a string, stand alone, or be missing.
func calledTask(ctx workflow.Context, payload *commonpb.Payload) (taskID int64, ok bool) {
	if taskID, ok := calledTaskInJSON(payload.GetData()); ok {
		return taskID, true
	}
	var callback TaskCallback // in the encoding of a data converter
	err := decodePayload(ctx, payload, &callback)
	return callback.TaskID, err == nil && callback.TaskID > 0
}

func calledTaskInJSON(data []byte) (taskID int64, ok bool) {
	value := bytes.TrimSpace(data)
	if bytes.HasPrefix(value, []byte("{")) {
		var callback struct {
			TaskID json.RawMessage `json:"taskId"`
		}
		if json.Unmarshal(value, &callback) != nil {
			return 0, false
		}
		value = callback.TaskID
	}
	if len(value) == 0 || string(value) == "null" {
		return 0, true
	}
	text := string(value)
	if value[0] == '"' && json.Unmarshal(value, &text) != nil {
		return 0, false
	}
	taskID, err := strconv.ParseInt(text, 10, 64)
	return taskID, err == nil && taskID > 0
}
