package workflows

import (
	"encoding/json"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// TaskCallback is the payload of [TaskCallbackSignal]: the task that has ended, or may have. It
// says when to ask, never what the answer is.
type TaskCallback struct {
	TaskID int64 `json:"taskId"`
}

// wakeUps is a channel on which others ask a wait to poll now. The zero value has none.
type wakeUps struct {
	channel workflow.ReceiveChannel
	// isMeant tells whether a received payload is a wake-up for this wait. nil: whatever is received
	// is one.
	isMeant func(converter.RawValue) bool
}

// signalWakeUps are those of [TaskCallbackSignal] for one task. The payload is received raw: a
// typed receive would drop one of another shape and block again, and with it the wait.
func signalWakeUps(ctx workflow.Context, taskID int64) wakeUps {
	return wakeUps{
		channel: workflow.GetSignalChannel(ctx, TaskCallbackSignal),
		isMeant: func(value converter.RawValue) bool {
			var callback TaskCallback
			err := json.Unmarshal(value.Payload().GetData(), &callback)
			return err == nil && callback.TaskID == taskID
		},
	}
}

// receive takes all that is there, without blocking, and tells whether a wake-up was among it.
func (w *wakeUps) receive() bool {
	meant := false
	for w.channel != nil {
		var raw converter.RawValue
		var into any
		if w.isMeant != nil {
			into = &raw
		}
		if !w.channel.ReceiveAsync(into) {
			break
		}
		meant = meant || w.isMeant == nil || w.isMeant(raw)
	}
	return meant
}
