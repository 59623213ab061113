package main

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

const (
	// firstVersionLook leaves those who roll a version out time to make it the current one.
	firstVersionLook = 3 * time.Second
	versionLookEvery = 15 * time.Second
	versionTimeout   = 10 * time.Second
)

// watchVersion warns if this worker gets no waits because of its version, and tells when it gets
// them. It returns then, or when ctx is done, or if the server does not say.
func (q taskQueue) watchVersion(ctx context.Context) {
	version, warned := q.worker.DeploymentOptions.Version, false
	for wait := firstVersionLook; ; wait = versionLookEvery {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		lookCtx, cancel := context.WithTimeout(ctx, versionTimeout)
		described, err := q.temporalClient.DescribeTaskQueue(lookCtx, q.flags.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
		cancel()
		switch {
		case errors.As(err, new(*serviceerror.PermissionDenied)), errors.As(err, new(*serviceerror.Unimplemented)):
			q.logger.Debug("the server does not say which version is the current one", "error", err)
			return
		case err != nil: // it is asked again
		case command.TakesNewWorkflows(described, version):
			if warned {
				q.logger.Info("this worker takes new waits now")
			}
			return
		case !warned:
			warned = true
			q.logger.Warn("this worker takes no new waits: " + command.WhyIdle(described, version, q.client.Namespace))
		}
	}
}
