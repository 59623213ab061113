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
		{submit: `{}`, what: "submitted", solution: `"8"`},
	}
	scripted := []batch.Outcome{
		{Ready: true, Solution: json.RawMessage(`{"b":2, "a":1}`), Line: []byte("{1}\n")},
		{ErrorCode: "ERROR_CAPTCHA_UNSOLVABLE", Line: []byte("{2}\n")},
		{Ready: true, Solution: json.RawMessage(`"8"`), Line: []byte("{3}\n")},
	}
	tests := map[string]struct {
		task    int
		outcome batch.Outcome
		message string // "": they are the scripted ones
	}{
		"as scripted":       {0, scripted[0], ""},
		"another solution":  {0, batch.Outcome{Ready: true, Solution: json.RawMessage(`{}`), Line: []byte("{other}\n")}, "task 1 (ready): {other}"},
		"failed":            {0, batch.Outcome{ErrorCode: "TaskTimeout", Line: []byte("{other}\n")}, "task 1 (ready): {other}"},
		"another error":     {1, batch.Outcome{ErrorCode: "TaskTimeout", Line: []byte("{other}\n")}, "task 2 (unsolvable): {other}"},
		"ready, not failed": {1, batch.Outcome{Ready: true, Line: []byte("{other}\n")}, "task 2 (unsolvable): {other}"},
		"not submitted":     {2, batch.Outcome{ErrorCode: "NotSubmitted", Line: []byte("{other}\n")}, "solve demo (submitted): {other}"},
		"no outcome":        {1, batch.Outcome{}, "task 2 (unsolvable): "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := outcomes{of: map[string]batch.Outcome{}}
			for i, outcome := range scripted {
				got.add(tasks[i].job(), outcome)
			}
			got.add(tasks[test.task].job(), test.outcome)
			err := got.compare(tasks)
			if test.message == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "these outcomes are not the scripted ones: "+test.message)
		})
	}
}
