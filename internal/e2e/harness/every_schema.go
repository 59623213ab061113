package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/schemacheck"
	"github.com/temporal-providers/temporal-2captcha/nexusservice"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// checkSchemas holds what callers and the provider sent each other in a history against the JSON
// Schemas. An input that a test made wrong must be refused by both, as far as a schema can say.
func checkSchemas(schemas *schemacheck.Schemas, history *historypb.History) error {
	c := &schemaCheck{Schemas: schemas, open: map[int64]*call{}}
	for _, event := range history.GetEvents() {
		c.see(event)
	}
	if c.workflow != nil {
		c.problems = append(c.problems, c.problemOfInput(c.workflow))
	}
	return errors.Join(c.problems...)
}

// call is a workflow or an activity with a schema.
type call struct {
	name  string
	input *commonpb.Payloads
	// taken tells that the provider did not refuse the input, and refusal is the message if it did.
	taken   bool
	refusal string
}

type schemaCheck struct {
	*schemacheck.Schemas
	workflow *call
	open     map[int64]*call // activities, by the event that scheduled them
	problems []error
}

func (c *schemaCheck) see(event *historypb.HistoryEvent) {
	if started := event.GetWorkflowExecutionStartedEventAttributes(); started != nil {
		if name := started.GetWorkflowType().GetName(); c.Has(name + ".output") {
			c.workflow = &call{name: name, input: started.GetInput()}
			if started.GetContinuedExecutionRunId() != "" {
				c.workflow.input = nil // which may be from the run before
			}
		}
	}
	if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
		if c.workflow != nil {
			c.workflow.taken = true
		}
		name := scheduled.GetActivityType().GetName()
		c.open[event.GetEventId()] = &call{name: name, input: scheduled.GetInput()}
	}
	if started := event.GetActivityTaskStartedEventAttributes(); started != nil {
		c.seeFailure(c.open[started.GetScheduledEventId()], started.GetLastFailure())
	}
	if completed := event.GetActivityTaskCompletedEventAttributes(); completed != nil {
		c.seeOutput(c.open[completed.GetScheduledEventId()], completed.GetResult())
	}
	if failed := event.GetActivityTaskFailedEventAttributes(); failed != nil {
		c.seeFailure(c.open[failed.GetScheduledEventId()], failed.GetFailure())
	}
	if completed := event.GetWorkflowExecutionCompletedEventAttributes(); completed != nil {
		c.seeOutput(c.workflow, completed.GetResult())
	}
	if failed := event.GetWorkflowExecutionFailedEventAttributes(); failed != nil {
		c.seeFailure(c.workflow, failed.GetFailure())
	}
	if canceled := event.GetWorkflowExecutionCanceledEventAttributes(); canceled != nil && c.workflow != nil {
		c.hold("errorDetails", canceled.GetDetails())
	}
	c.seeOperation(event)
	// Tests signal whatever they like. What a worker's process sends is a call.
	signaled := event.GetWorkflowExecutionSignaledEventAttributes()
	if c.workflow != nil && signaled.GetSignalName() == workflows.TaskCallbackSignal && isWorker(signaled.GetIdentity()) {
		c.hold("taskCallback", signaled.GetInput())
	}
}

// operations are the Nexus operations, with the workflows that they are.
var operations = map[string]string{
	nexusservice.AwaitTaskResultOperation: workflows.AwaitTaskResultWorkflow,
	nexusservice.SolveTaskOperation:       workflows.SolveTaskWorkflow,
}

// seeOperation is see for the events of a workflow that calls the Nexus service.
func (c *schemaCheck) seeOperation(event *historypb.HistoryEvent) {
	if scheduled := event.GetNexusOperationScheduledEventAttributes(); scheduled.GetService() == nexusservice.Service {
		c.open[event.GetEventId()] = &call{name: operations[scheduled.GetOperation()], input: single(scheduled.GetInput())}
	}
	if completed := event.GetNexusOperationCompletedEventAttributes(); completed != nil {
		c.seeOutput(c.open[completed.GetScheduledEventId()], single(completed.GetResult()))
	}
	if failed := event.GetNexusOperationFailedEventAttributes(); failed != nil {
		failure := failed.GetFailure()
		for failure.GetCause() != nil {
			failure = failure.GetCause()
		}
		c.seeFailure(c.open[failed.GetScheduledEventId()], failure)
	}
}

func single(payload *commonpb.Payload) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{payload}}
}

// isWorker tells whether an identity is neither this process's nor the Temporal CLI's.
func isWorker(identity string) bool {
	return !strings.HasPrefix(identity, fmt.Sprintf("%d@", os.Getpid())) && !strings.HasPrefix(identity, "temporal-cli")
}

func (c *schemaCheck) seeOutput(of *call, result *commonpb.Payloads) {
	if of == nil || !c.Has(of.name+".output") {
		return
	}
	of.taken = true
	c.hold(of.name+".output", result)
	if of != c.workflow {
		c.problems = append(c.problems, c.problemOfInput(of))
	}
}

func (c *schemaCheck) seeFailure(of *call, failure *failurepb.Failure) {
	if of == nil || failure.GetApplicationFailureInfo() == nil {
		return
	}
	details := failure.GetApplicationFailureInfo().GetDetails().GetPayloads()
	if len(details) > 0 { // an unknown outcome's second one is the activity's own
		c.hold("errorDetails", &commonpb.Payloads{Payloads: details[:1]})
	}
	if ErrorType(failure) == activities.ErrorTypeInvalidInput {
		of.refusal = failure.GetMessage()
	} else {
		of.taken = true
	}
	if of != c.workflow {
		c.problems = append(c.problems, c.problemOfInput(of))
	}
}

// hold checks a single value in JSON. Tests also use other encodings, which no schema describes.
func (c *schemaCheck) hold(name string, payloads *commonpb.Payloads) {
	if data, ok := inJSON(payloads); ok {
		c.problems = append(c.problems, c.Check(name, data))
	}
}

func (c *schemaCheck) problemOfInput(of *call) error {
	data, ok := inJSON(of.input)
	if !ok || !c.Has(of.name+".input") {
		return nil
	}
	switch found := c.Check(of.name+".input", schemacheck.WithoutNothing(data)); {
	case of.taken && found != nil:
		return fmt.Errorf("%s took what its schema refuses: %w", of.name, found)
	case of.refusal != "" && found == nil && !schemacheck.IsBeyond(of.refusal, data):
		return fmt.Errorf("%s refused %.500q, which its schema takes: %s", of.name, data, of.refusal)
	}
	return nil
}

func inJSON(payloads *commonpb.Payloads) (data []byte, ok bool) {
	if len(payloads.GetPayloads()) != 1 {
		return nil, false
	}
	payload := payloads.GetPayloads()[0]
	return payload.GetData(), string(payload.GetMetadata()[converter.MetadataEncoding]) == converter.MetadataEncodingJSON
}

// statusChecker holds the answers to status queries against their schema.
type statusChecker struct {
	interceptor.ClientInterceptorBase
	t *testing.T
}

func (s *statusChecker) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	outbound := &statusQueries{t: s.t}
	outbound.Next = next
	return outbound
}

type statusQueries struct {
	interceptor.ClientOutboundInterceptorBase
	t *testing.T
}

func (s *statusQueries) QueryWorkflow(
	ctx context.Context, in *interceptor.ClientQueryWorkflowInput,
) (converter.EncodedValue, error) {
	answer, err := s.Next.QueryWorkflow(ctx, in)
	var status converter.RawValue
	if err != nil || in.QueryType != workflows.StatusQuery || answer.Get(&status) != nil {
		return answer, err
	}
	if data, ok := inJSON(single(status.Payload())); ok {
		if err := fixture.schemas.Check("status", data); err != nil {
			s.t.Errorf("the status %s: %v", data, err)
		}
	}
	return answer, nil
}
