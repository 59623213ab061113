package main

import (
	"time"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// callbackInitialDelay leaves a callback a minute before the first poll makes up for one that was lost.
const callbackInitialDelay = time.Minute

// callbackDesign is ours where the service calls back: the worker's process takes the callback and wakes the wait.
func callbackDesign() design {
	return design{
		name:      "callback",
		note:      "ours, with callbacks: the service's call wakes the wait; polls, from 60 s on, are a fallback",
		ours:      true,
		callbacks: true,
		// The jitter adds 5 % on average.
		slowestInterval: time.Minute + 3*time.Second,
		continuesAsNew:  true,
		start: func(taskID int64) start {
			return startOfOurs(workflows.AwaitTaskResultInput{TaskID: taskID, Callback: true, InitialDelay: callbackInitialDelay})
		},
		register: provider.Register,
	}
}
