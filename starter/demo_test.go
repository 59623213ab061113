package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
)

func TestDemoComparesEveryOutcome(t *testing.T) {
	t.Parallel()
	tasks := []demoTask{
		{taskID: 1, what: "ready", solution: `{"a":1,"b":2}`},
		{taskID: 2, what: "unsolvable", errorCode: "ERROR_CAPTCHA_UNSOLVABLE"},
	}
	scripted := map[int64]batch.Outcome{
		1: {Ready: true, Solution: json.RawMessage(`{"b":2, "a":1}`), Line: []byte("{1}\n")},
		2: {ErrorCode: "ERROR_CAPTCHA_UNSOLVABLE", Line: []byte("{2}\n")},
	}
	tests := map[string]struct {
		taskID  int64
		outcome batch.Outcome
		message string // "": they are the scripted ones
	}{
		"as scripted":       {1, scripted[1], ""},
		"another solution":  {1, batch.Outcome{Ready: true, Solution: json.RawMessage(`{}`), Line: []byte("{other}\n")}, "task 1 (ready): {other}"},
		"failed":            {1, batch.Outcome{ErrorCode: "TaskTimeout", Line: []byte("{other}\n")}, "task 1 (ready): {other}"},
		"another error":     {2, batch.Outcome{ErrorCode: "TaskTimeout", Line: []byte("{other}\n")}, "task 2 (unsolvable): {other}"},
		"ready, not failed": {2, batch.Outcome{Ready: true, Line: []byte("{other}\n")}, "task 2 (unsolvable): {other}"},
		"no outcome":        {2, batch.Outcome{}, "task 2 (unsolvable): "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := outcomes{of: map[int64]batch.Outcome{}}
			for taskID, outcome := range scripted {
				got.add(taskID, outcome)
			}
			got.add(test.taskID, test.outcome)
			err := got.compare(tasks)
			if test.message == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "these outcomes are not the scripted ones: "+test.message)
		})
	}
}
