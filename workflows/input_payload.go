package workflows

import (
	"encoding/json"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
)

// inputFromPayload decodes what the workflow was started with. It takes the payload raw: JSON that
// is broken would fail before UnmarshalJSON is asked. Other encodings are left to the worker's data
// converter.
func inputFromPayload(ctx workflow.Context, payload *commonpb.Payload) AwaitTaskResultInput {
	var in AwaitTaskResultInput
	switch encoding := string(payload.GetMetadata()[converter.MetadataEncoding]); {
	case encoding == converter.MetadataEncodingJSON && isHandedOn(ctx, payload.GetData()):
		return inputFromPreviousRun(ctx, payload.GetData())
	case encoding == converter.MetadataEncodingJSON:
		in.problem = decodeProperties(payload.GetData(), strictly(in.properties()))
	case encoding == "" || encoding == converter.MetadataEncodingNil:
		in.problem = "there is no input: " + takesInput
	case decodePayload(ctx, payload, &in) != nil:
		in = AwaitTaskResultInput{problem: fmt.Sprintf(
			`the input is encoded as "%s": it takes %s, or an encoding that the worker's data converter decodes`,
			printable(encoding), converter.MetadataEncodingJSON)}
	}
	return in
}

// isHandedOn tells whether the input is from this wait's previous run. The runs of a cron schedule
// have a previous run too, but the input is the caller's: if it has the property, the previous run
// has refused it.
func isHandedOn(ctx workflow.Context, data []byte) bool {
	var properties map[string]json.RawMessage
	if json.Unmarshal(data, &properties) != nil {
		return false
	}
	continued, given := properties["continued"]
	return given && string(continued) != "null" &&
		workflow.GetInfo(ctx).ContinuedExecutionRunID != "" &&
		ErrorCode(workflow.GetLastError(ctx)) != activities.ErrorTypeInvalidInput
}

// inputFromPreviousRun decodes what the previous run handed on, which may be of a newer build. If
// this build can't understand it, the workflow task must fail rather than the wait, so that a
// worker of the newer build takes it. By the SDK's default panic policy a panic does that.
func inputFromPreviousRun(ctx workflow.Context, data []byte) AwaitTaskResultInput {
	var in AwaitTaskResultInput
	problem := decodeProperties(data, leniently(in.properties()))
	if problem == "" {
		problem = in.firstProblem()
	}
	if problem == "" {
		problem = in.continued.problem(workflow.GetInfo(ctx).WorkflowStartTime)
	}
	if problem != "" {
		panic(fmt.Sprintf("task %d: this worker's version can't understand what the previous run handed on: %s: "+
			"run workers of that run's version, one of which then goes on", in.TaskID, problem))
	}
	return in
}

// handOn is the input as the next run takes it: always as JSON, since another encoding of a data
// converter may leave out what is not exported. A codec encodes it all the same.
func handOn(in AwaitTaskResultInput) converter.RawValue {
	payload, err := converter.NewJSONPayloadConverter().ToPayload(in)
	if err != nil {
		panic(err) // a wait runs on a valid input alone, which can be encoded
	}
	return converter.NewRawValue(payload)
}

// decodePayload decodes by the worker's data converter. Workflow code gets at it by a future alone,
// which decodes what it holds. The payload has been through the converter's codec; a codec leaves
// alone what it has not encoded.
func decodePayload(ctx workflow.Context, payload *commonpb.Payload, into any) error {
	future, settable := workflow.NewFuture(ctx)
	settable.SetValue(&commonpb.Payloads{Payloads: []*commonpb.Payload{payload}})
	err := future.Get(ctx, into)
	if failure := new(converter.WorkflowTaskFailureError); errors.As(err, &failure) {
		panic(err) // a codec that can't be reached fails the task, not the wait
	}
	return err
}
