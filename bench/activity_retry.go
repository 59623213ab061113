package main

import (
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// activityRetryDesign is ours in its economy mode: one durable timer, then one activity whose attempts are the polls.
func activityRetryDesign() design {
	return design{
		name: "activityRetry",
		note: "ours, economy mode: one timer for the first delay, then one activity whose attempts are the polls, " +
			"by timer's schedule",
		ours:            true,
		slowestInterval: slowestOfOurs,
		start: func(taskID int64) start {
			return startOfOurs(workflows.AwaitTaskResultInput{
				TaskID: taskID, InitialDelay: firstDelay, Polling: workflows.PollingActivityRetry,
			})
		},
		register: provider.Register,
	}
}
