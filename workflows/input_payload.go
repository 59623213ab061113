package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
)

// input is a workflow's input with a table of properties.
type input interface {
	properties() []property
	firstProblem() string
	problemField() *string
	// takes says what the workflow takes, for messages.
	takes() string
	// subject says what the workflow is about, for messages.
	subject() string
	// problemOfContinued says why what a run that starts then has been handed can't be understood, or
	// is "".
	problemOfContinued(startedAt time.Time) string
}

// inputFromPayloads decodes what the workflow was started with. The SDK drops inputs for which
// there is no parameter: further is there to refuse them.
func inputFromPayloads[Input any, In interface {
	*Input
	input
}](ctx workflow.Context, first, further converter.RawValue) Input {
	in := inputFromPayload[Input, In](ctx, first.Payload())
	if problem := In(&in).problemField(); *problem == "" && further.Payload() != nil {
		*problem = "there is more than one input: it takes one, " + strings.TrimPrefix(In(&in).takes(), "it takes ")
	}
	return in
}

// inputFromPayload takes the payload raw: JSON that is broken would fail before UnmarshalJSON is
// asked. Other encodings are left to the worker's data converter.
func inputFromPayload[Input any, In interface {
	*Input
	input
}](ctx workflow.Context, payload *commonpb.Payload) Input {
	var decoded Input
	in := In(&decoded)
	switch encoding := string(payload.GetMetadata()[converter.MetadataEncoding]); {
	case encoding == converter.MetadataEncodingJSON && isHandedOn(ctx, in.properties(), payload.GetData()):
		decodeFromPreviousRun(ctx, payload.GetData(), in)
	case encoding == converter.MetadataEncodingJSON:
		*in.problemField() = decodeProperties(payload.GetData(), in.properties(), strictly, in.takes())
	case encoding == "" || encoding == converter.MetadataEncodingNil:
		*in.problemField() = "there is no input: " + in.takes()
	case decodePayload(ctx, payload, &decoded) != nil:
		decoded = *new(Input)
		*in.problemField() = fmt.Sprintf(
			`the input is encoded as "%s": it takes %s, or an encoding that the worker's data converter decodes`,
			printable(encoding), converter.MetadataEncodingJSON)
	}
	return decoded
}

// isHandedOn tells whether the input is from this workflow's previous run. The runs of a cron
// schedule have a previous run too, but the input is the caller's: if it has the property, the
// previous run has refused it.
func isHandedOn(ctx workflow.Context, table []property, data []byte) bool {
	if workflow.GetInfo(ctx).ContinuedExecutionRunID == "" || !slices.ContainsFunc(table, func(p property) bool { return p.handedOn }) {
		return false // as a rule: a first run's input, which may be large, is decoded once
	}
	var properties map[string]json.RawMessage
	if json.Unmarshal(data, &properties) != nil {
		return false
	}
	continued, given := properties["continued"]
	return given && string(continued) != "null" &&
		ErrorCode(workflow.GetLastError(ctx)) != activities.ErrorTypeInvalidInput
}

// decodeFromPreviousRun decodes what the previous run handed on, which may be of a newer build. If
// this build can't understand it, the workflow task must fail rather than the wait, so that a
// worker of the newer build takes it. By the SDK's default panic policy a panic does that.
func decodeFromPreviousRun(ctx workflow.Context, data []byte, in input) {
	problem := decodeProperties(data, in.properties(), leniently, in.takes())
	if problem == "" {
		problem = in.firstProblem()
	}
	if problem == "" {
		problem = in.problemOfContinued(workflow.GetInfo(ctx).WorkflowStartTime)
	}
	if problem != "" {
		panic(fmt.Sprintf("%s: this worker's version can't understand what the previous run handed on: %s: "+
			"run workers of that run's version, one of which then goes on", in.subject(), problem))
	}
}

// handOn is the input as the next run takes it: always as JSON, since another encoding of a data
// converter may leave out what is not exported. A codec encodes it all the same.
func handOn(in json.Marshaler) converter.RawValue {
	data, err := in.MarshalJSON()
	if err != nil {
		panic(err) // a wait runs on a valid input alone, which can be encoded
	}
	return rawJSON(data)
}

// rawJSON is JSON as a payload that is passed on byte for byte. The default data converter would
// compact what is raw in a value, and write some characters in another way.
func rawJSON(data []byte) converter.RawValue {
	return converter.NewRawValue(&commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)},
		Data:     data,
	})
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
