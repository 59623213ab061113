package command

import (
	"context"
	"errors"

	"github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"
)

// codecConverter is a data converter with a codec. In a workflow, it does not return an error of
// the codec on decoding but panics, which fails the workflow task: the SDK would drop a signal that
// can't be decoded, and find another history at the next replay, when it can.
type codecConverter struct {
	converter.DataConverter
	codec       converter.PayloadCodec
	inWorkflow  bool
	inOperation bool
}

func (c codecConverter) FromPayload(payload *commonpb.Payload, into any) error {
	return c.checked(c.DataConverter.FromPayload(payload, into))
}

func (c codecConverter) FromPayloads(payloads *commonpb.Payloads, into ...any) error {
	return c.checked(c.DataConverter.FromPayloads(payloads, into...))
}

func (c codecConverter) checked(err error) error {
	switch {
	case !errors.As(err, new(*converter.WorkflowTaskFailureError)):
		return err
	case c.inWorkflow:
		panic(err)
	case c.inOperation:
		return &nexus.HandlerError{Type: nexus.HandlerErrorTypeUnavailable, Message: "the input can't be decoded yet", Cause: err}
	}
	return err
}

// Codec makes it a converter.PayloadCodecProvider, for headers.
func (c codecConverter) Codec() converter.PayloadCodec { return c.codec }

// WithWorkflowContext, with WithContext, makes it a workflow.ContextAware.
func (c codecConverter) WithWorkflowContext(workflow.Context) converter.DataConverter {
	c.inWorkflow = true
	return c
}

// WithSerializationContext has a Nexus operation repeated if the codec server is away. The SDK
// would refuse it for good.
func (c codecConverter) WithSerializationContext(ctx converter.SerializationContext) converter.DataConverter {
	_, c.inOperation = ctx.(converter.NexusSerializationContext)
	return c
}

func (c codecConverter) WithContext(context.Context) converter.DataConverter { return c }

// codecFailureConverter has the details of errors encoded and decoded, as other payloads are. In
// this process they are always decoded.
type codecFailureConverter struct {
	converter.FailureConverter // without a codec
	encoding                   converter.DataConverter
	kind                       clientKind
	inActivity                 bool
}

func newCodecFailureConverter(encoding converter.DataConverter, kind clientKind) codecFailureConverter {
	return codecFailureConverter{
		FailureConverter: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{}),
		encoding:         encoding,
		kind:             kind,
	}
}

// ErrorToFailure panics if the codec server is away, which fails a workflow task. An activity's
// attempt fails instead, so that it is repeated.
func (c codecFailureConverter) ErrorToFailure(err error) *failurepb.Failure {
	plain := c.FailureConverter.ErrorToFailure(err)
	encoded, codecErr := visitPayloads(plain, c.encode)
	switch {
	case codecErr == nil:
		return encoded
	case c.inActivity:
		return withoutDetails(plain, codecErr)
	}
	panic(codecErr)
}

// FailureToError decodes at once. Workflow code that came to decode an error's details would get an
// error of the codec that does not fail the workflow task.
func (c codecFailureConverter) FailureToError(failure *failurepb.Failure) error {
	decoded, err := visitPayloads(failure, c.decode)
	switch {
	case err == nil:
		return c.FailureConverter.FailureToError(decoded)
	case c.kind == ofWorker:
		panic(err)
	}
	return err
}

// WithSerializationContext makes it a converter.FailureConverterWithSerializationContext.
func (c codecFailureConverter) WithSerializationContext(ctx converter.SerializationContext) converter.FailureConverter {
	_, c.inActivity = ctx.(converter.ActivitySerializationContext)
	return c
}

func (c codecFailureConverter) encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	values := make([]any, len(payloads))
	for i, payload := range payloads {
		values[i] = converter.NewRawValue(payload)
	}
	encoded, err := c.encoding.ToPayloads(values...)
	return encoded.GetPayloads(), err
}

func (c codecFailureConverter) decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	values, pointers := make([]converter.RawValue, len(payloads)), make([]any, len(payloads))
	for i := range values {
		pointers[i] = &values[i]
	}
	if err := c.encoding.FromPayloads(&commonpb.Payloads{Payloads: payloads}, pointers...); err != nil {
		return nil, err
	}
	decoded := make([]*commonpb.Payload, len(payloads))
	for i, value := range values {
		decoded[i] = value.Payload()
	}
	return decoded, nil
}

// visitPayloads returns a copy of the failure with its payloads converted.
func visitPayloads(failure *failurepb.Failure,
	convert func([]*commonpb.Payload) ([]*commonpb.Payload, error)) (*failurepb.Failure, error) {
	if failure == nil {
		return nil, nil
	}
	converted := proto.CloneOf(failure)
	err := proxy.VisitPayloads(context.Background(), converted, proxy.VisitPayloadsOptions{
		Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return convert(payloads)
		},
	})
	return converted, err
}

// withoutDetails is an attempt's failure whose details can't be encoded. It is retryable: a verdict
// without its details would lose what the service said.
func withoutDetails(failure *failurepb.Failure, why error) *failurepb.Failure {
	info := failure.GetApplicationFailureInfo()
	return &failurepb.Failure{
		Message: failure.GetMessage() + "; not reported: " + why.Error(),
		Source:  failure.GetSource(),
		FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{
			Type:           info.GetType(),
			NextRetryDelay: info.GetNextRetryDelay(),
			Category:       info.GetCategory(),
		}},
	}
}
