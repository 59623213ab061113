package main

import (
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// billableActions counts what Temporal Cloud bills as Actions among the events of one run, by the rules of
// https://docs.temporal.io/cloud/actions, as far as the designs here cause any:
//
//   - a workflow started, whether by a client, as a child or by continue-as-new: each run's own start;
//   - a child workflow, two: the one above, and its start's being recorded by the parent;
//   - a timer started;
//   - an activity started or retried: each attempt, of which the history has the number of the last;
//   - a signal sent.
//
// A start delay, a workflow task, and summaries and details are none. Heartbeats that reach the server are, and are in no
// history: workers count the ones that they send.
func billableActions(events []*historypb.HistoryEvent) int {
	actions := 0
	for _, event := range events {
		switch event.EventType {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
			enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
			enumspb.EVENT_TYPE_TIMER_STARTED,
			enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			actions++
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			actions += int(event.GetActivityTaskStartedEventAttributes().GetAttempt())
		}
	}
	return actions
}
