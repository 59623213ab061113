package harness

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/nexusservice"
)

// CallByNexus is the type of a workflow that StartCallers registers. It takes a [NexusCall], runs
// the operation, and returns its output or its error, as it is.
const CallByNexus = "callByNexus"

// NexusCall is an operation of the provider's Nexus service.
type NexusCall struct {
	Endpoint  string
	Operation string
	// Input is JSON; "": the operation gets none.
	Input string
	// Cancellation is what becomes of the operation if its caller is canceled; 0 is WaitCompleted.
	Cancellation workflow.NexusOperationCancellationType
}

func callByNexus(ctx workflow.Context, call NexusCall) (json.RawMessage, error) {
	var input any
	if call.Input != "" {
		input = json.RawMessage(call.Input)
	}
	service := workflow.NewNexusClient(call.Endpoint, nexusservice.Service)
	operation := service.ExecuteOperation(ctx, call.Operation, input, workflow.NexusOperationOptions{
		ScheduleToCloseTimeout: time.Hour, CancellationType: call.Cancellation,
	})
	var output json.RawMessage
	err := operation.Get(ctx, &output)
	return output, err
}

// NewEndpoint makes an endpoint of the test's own on the server of the client, which leads to a
// task queue in a namespace.
func NewEndpoint(t *testing.T, temporalClient client.Client, namespace, taskQueue string) (name string) {
	t.Helper()
	name = NewTaskQueue()
	_, err := temporalClient.OperatorService().CreateNexusEndpoint(Context(t), &operatorservice.CreateNexusEndpointRequest{
		Spec: &nexuspb.EndpointSpec{Name: name, Target: &nexuspb.EndpointTarget{Variant: &nexuspb.EndpointTarget_Worker_{
			Worker: &nexuspb.EndpointTarget_Worker{Namespace: namespace, TaskQueue: taskQueue},
		}}},
	})
	require.NoError(t, err)
	return name
}
