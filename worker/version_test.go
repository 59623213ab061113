package main

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// fakeQueues answers what it is told about any task queue. Other methods panic.
type fakeQueues struct {
	client.Client
	err   error
	asked int
}

func (f *fakeQueues) DescribeTaskQueue(context.Context, string, enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	f.asked++
	return &workflowservice.DescribeTaskQueueResponse{}, f.err
}

func TestServerThatDoesNotTellOfVersionsIsNoFault(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err   error
		asked int
	}{
		"no permission":           {serviceerror.NewPermissionDenied("no", ""), 1},
		"an older server":         {serviceerror.NewUnimplemented("no"), 1},
		"a worker without one":    {nil, 1},
		"a server that restarted": {serviceerror.NewUnavailable("no"), 41}, // after 3 s, then every 15 s
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				queues := &fakeQueues{err: test.err}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute+4*time.Second)
				defer cancel()
				taskQueue{queues, settings{logger: slog.New(slog.NewTextHandler(&log, nil))}}.watchVersion(ctx)
				require.Empty(t, log.String())
				require.Equal(t, test.asked, queues.asked)
			})
		})
	}
}
