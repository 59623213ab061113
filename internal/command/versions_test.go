package command_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

func TestWorkersThatGetNoWorkflowsAreFound(t *testing.T) {
	t.Parallel()
	version := func(buildID string) *deploymentpb.WorkerDeploymentVersion {
		return &deploymentpb.WorkerDeploymentVersion{DeploymentName: "my dep", BuildId: buildID}
	}
	poller := func(buildID string) *taskqueuepb.PollerInfo {
		if buildID == "" {
			return &taskqueuepb.PollerInfo{}
		}
		return &taskqueuepb.PollerInfo{DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{
			DeploymentName: "my dep", BuildId: buildID, WorkerVersioningMode: enumspb.WORKER_VERSIONING_MODE_VERSIONED,
		}}
	}
	const setCurrent = "temporal worker deployment set-current-version --namespace captchas --deployment-name 'my dep' "
	tests := map[string]struct {
		pollers []*taskqueuepb.PollerInfo
		info    *taskqueuepb.TaskQueueVersioningInfo
		why     string // "": a worker gets workflows, or there is none
	}{
		"no worker":                {nil, nil, ""},
		"a server that says less":  {[]*taskqueuepb.PollerInfo{poller("")}, nil, ""},
		"workers without versions": {[]*taskqueuepb.PollerInfo{poller(""), poller("")}, &taskqueuepb.TaskQueueVersioningInfo{}, ""},
		"the current version":      {[]*taskqueuepb.PollerInfo{poller("1"), poller("2")}, &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: version("2")}, ""},
		"the ramping version":      {[]*taskqueuepb.PollerInfo{poller("2")}, &taskqueuepb.TaskQueueVersioningInfo{RampingDeploymentVersion: version("2"), RampingVersionPercentage: 10}, ""},
		"one without a version":    {[]*taskqueuepb.PollerInfo{poller("2"), poller("")}, &taskqueuepb.TaskQueueVersioningInfo{}, ""},
		"no current version": {[]*taskqueuepb.PollerInfo{poller("2")}, &taskqueuepb.TaskQueueVersioningInfo{},
			"version 2 of deployment my dep is not the current one: run " + setCurrent + "--build-id 2"},
		"another current version": {[]*taskqueuepb.PollerInfo{poller("2")}, &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: version("1")},
			"version 2 of deployment my dep is not the current one: run " + setCurrent + "--build-id 2"},
		"a version ramped to nothing": {[]*taskqueuepb.PollerInfo{poller("2")}, &taskqueuepb.TaskQueueVersioningInfo{RampingDeploymentVersion: version("2")},
			"version 2 of deployment my dep is not the current one: run " + setCurrent + "--build-id 2"},
		"none of the current version": {[]*taskqueuepb.PollerInfo{poller("")}, &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: version("1")},
			"workers without a version get none while version 1 of deployment my dep is the current one: start a worker of that version, or run " + setCurrent + "--unversioned"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			described := &workflowservice.DescribeTaskQueueResponse{Pollers: test.pollers, VersioningInfo: test.info}
			idle, allIdle := command.IdleVersion(described)
			require.Equal(t, test.why != "", allIdle)
			if test.why == "" {
				require.Equal(t, worker.WorkerDeploymentVersion{}, idle)
				return
			}
			require.Equal(t, test.why, command.WhyIdle(described, idle, "captchas"))
		})
	}
}
