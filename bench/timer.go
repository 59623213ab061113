package main

import (
	"time"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// slowestOfOurs: the default schedule's interval grows to 10 s, and the jitter adds 5 % on average.
const slowestOfOurs = 10*time.Second + 500*time.Millisecond

// timerDesign is ours as it is by default: a durable timer and an activity for each poll.
func timerDesign() design {
	return design{
		name:            "timer",
		note:            "ours, by default: a durable timer before each poll; the interval grows from 5 to 10 s with the time waited",
		ours:            true,
		slowestInterval: slowestOfOurs,
		continuesAsNew:  true,
		start: func(taskID int64) start {
			return startOfOurs(workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: firstDelay})
		},
		register: provider.Register,
	}
}

// startOfOurs starts this project's workflow.
func startOfOurs(input workflows.AwaitTaskResultInput) start {
	options := workflows.StartOptions(input.TaskID)
	options.TaskQueue = taskQueue
	return start{options: options, workflow: workflows.AwaitTaskResultWorkflow, input: input}
}
