package command

import (
	"fmt"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

// TakesNewWorkflows reports whether the workers of a version get workflows that begin now, by what
// the server says of their task queue: the version is its deployment's current one, or is being
// ramped up. The zero version is that of workers without one.
func TakesNewWorkflows(taskQueue *workflowservice.DescribeTaskQueueResponse, version worker.WorkerDeploymentVersion) bool {
	info := taskQueue.GetVersioningInfo()
	return version == versionOf(info.GetCurrentDeploymentVersion()) ||
		info.GetRampingVersionPercentage() > 0 && version == versionOf(info.GetRampingDeploymentVersion())
}

// IdleVersion returns a version of the workers that serve the task queue, if none of these workers
// gets workflows that begin now.
func IdleVersion(taskQueue *workflowservice.DescribeTaskQueueResponse) (idle worker.WorkerDeploymentVersion, allIdle bool) {
	for _, poller := range taskQueue.GetPollers() {
		idle = worker.WorkerDeploymentVersion{}
		if options := poller.GetDeploymentOptions(); options.GetWorkerVersioningMode() == enumspb.WORKER_VERSIONING_MODE_VERSIONED {
			idle = worker.WorkerDeploymentVersion{DeploymentName: options.GetDeploymentName(), BuildID: options.GetBuildId()}
		}
		if TakesNewWorkflows(taskQueue, idle) {
			return worker.WorkerDeploymentVersion{}, false
		}
	}
	return idle, len(taskQueue.GetPollers()) > 0
}

// WhyIdle says why the workers of a version get no workflows that begin now, and what to do.
func WhyIdle(taskQueue *workflowservice.DescribeTaskQueueResponse, version worker.WorkerDeploymentVersion,
	namespace string) string {
	current := versionOf(taskQueue.GetVersioningInfo().GetCurrentDeploymentVersion())
	set := "temporal worker deployment set-current-version"
	if namespace != client.DefaultNamespace {
		set += " --namespace " + ShellWord(namespace)
	}
	if version == (worker.WorkerDeploymentVersion{}) {
		return fmt.Sprintf("workers without a version get none while version %s of deployment %s is the current one: "+
			"start a worker of that version, or run %s --deployment-name %s --unversioned",
			current.BuildID, current.DeploymentName, set, ShellWord(current.DeploymentName))
	}
	return fmt.Sprintf("version %s of deployment %s is not the current one: run %s --deployment-name %s --build-id %s",
		version.BuildID, version.DeploymentName, set, ShellWord(version.DeploymentName), ShellWord(version.BuildID))
}

func versionOf(version *deploymentpb.WorkerDeploymentVersion) worker.WorkerDeploymentVersion {
	return worker.WorkerDeploymentVersion{DeploymentName: version.GetDeploymentName(), BuildID: version.GetBuildId()}
}
