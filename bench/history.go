package main

import (
	"context"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// footprint is what one wait has left on the Temporal server, all runs of all its workflows together.
type footprint struct {
	events  int
	actions int       // billable, heartbeats not included
	closed  time.Time // of the workflow that was started
}

// readFootprint reads the history of a workflow that has closed, of the runs it continued as, and of its children.
func readFootprint(ctx context.Context, temporal client.Client, workflowID, runID string) (footprint, error) {
	var total footprint
	runs := []*commonpb.WorkflowExecution{{WorkflowId: workflowID, RunId: runID}}
	for number := 0; number < len(runs); number++ {
		run := runs[number]
		events, err := readHistory(ctx, temporal, run)
		if err != nil {
			return footprint{}, fmt.Errorf("the history of workflow %s: %w", run.WorkflowId, err)
		}
		total.events += len(events)
		total.actions += billableActions(events)
		if last := events[len(events)-1]; run.WorkflowId == workflowID {
			total.closed = last.GetEventTime().AsTime()
		}
		runs = append(runs, furtherRuns(run, events)...)
	}
	return total, nil
}

func readHistory(ctx context.Context, temporal client.Client,
	run *commonpb.WorkflowExecution) ([]*historypb.HistoryEvent, error) {
	var events []*historypb.HistoryEvent
	pages := temporal.GetWorkflowHistory(ctx, run.WorkflowId, run.RunId, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for pages.HasNext() {
		event, err := pages.Next()
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, nil
}

// furtherRuns are those that a run's history says it led to.
func furtherRuns(run *commonpb.WorkflowExecution, events []*historypb.HistoryEvent) []*commonpb.WorkflowExecution {
	var further []*commonpb.WorkflowExecution
	for _, event := range events {
		if next := event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId(); next != "" {
			further = append(further, &commonpb.WorkflowExecution{WorkflowId: run.WorkflowId, RunId: next})
		}
		if child := event.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution(); child != nil {
			further = append(further, child)
		}
	}
	return further
}
