package e2e

import (
	"encoding/hex"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// dialTraced returns a client whose workers make spans, as somebody else's do, and those spans.
func dialTraced(t *testing.T) (client.Client, *tracetest.SpanRecorder) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	tracing, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{Tracer: provider.Tracer("test")})
	require.NoError(t, err)
	return harness.DialWith(t, client.Options{
		HostPort: harness.Address(), Interceptors: []interceptor.ClientInterceptor{tracing},
	}), recorder
}

// eventuallySpans waits until a collector has so many spans of that name, and returns all.
func eventuallySpans(t *testing.T, collector *harness.Collector, name string, number int) []harness.Span {
	t.Helper()
	require.Eventually(t, func() bool { return len(named(collector.Spans(), name)) >= number }, harness.Patience,
		20*time.Millisecond, "%s does not come", name)
	return collector.Spans()
}

func named(spans []harness.Span, name string) (found []harness.Span) {
	for _, span := range spans {
		if span.GetName() == name {
			found = append(found, span)
		}
	}
	return found
}

func attributesOf(span harness.Span) map[string]string {
	attributes := map[string]string{}
	for _, attribute := range span.GetAttributes() {
		attributes[attribute.GetKey()] = attribute.GetValue().GetStringValue()
	}
	return attributes
}

// TestTraceOfAWait follows one trace from the workflow that somebody else's worker runs to each
// request.
func TestTraceOfAWait(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	collector, url := harness.StartCollector(t)
	harness.StartWorkerWith(t, []string{
		"TWOCAPTCHA_API_KEY=" + harness.ClientKey, "OTEL_EXPORTER_OTLP_ENDPOINT=" + url, "OTEL_BSP_SCHEDULE_DELAY=100",
	}, taskQueue, service.URL())
	temporalClient, recorder := dialTraced(t)
	callers := harness.StartCallers(t, temporalClient)
	in := harness.Soon(harness.NewTaskID())
	service.Script(in.TaskID, simulator.Processing(), simulator.Error("ERROR_NO_SLOT_AVAILABLE"), simulator.Ready(`{"text":"a-solution-to-hide"}`))

	_, err := temporalClient.ExecuteWorkflow(harness.Context(t), client.StartWorkflowOptions{TaskQueue: callers, ID: harness.NewTaskQueue()},
		harness.AwaitAsChild, in, taskQueue)
	require.NoError(t, err)

	eventuallySpans(t, collector, "RunWorkflow:AwaitTaskResult", 1)
	spans := eventuallySpans(t, collector, "POST /getTaskResult", 3)
	byID := map[string]harness.Span{}
	for _, span := range spans {
		byID[hex.EncodeToString(span.GetSpanId())] = span
		require.Equal(t, "temporal-2captcha-worker", span.Service)
	}
	parents := map[string]string{} // of the caller's spans: their names, by id
	require.Eventually(t, func() bool { return len(recorder.Ended()) >= 3 }, harness.Patience, 20*time.Millisecond)
	var traceID string
	for _, span := range recorder.Started() {
		if span.Name() == "StartChildWorkflow:AwaitTaskResult" {
			traceID = span.SpanContext().TraceID().String()
		}
		parents[span.SpanContext().SpanID().String()] = span.Name()
	}
	parentOf := func(span harness.Span, name string) harness.Span {
		t.Helper()
		parent, found := byID[hex.EncodeToString(span.GetParentSpanId())]
		require.True(t, found, "%s has no parent", span.GetName())
		require.Equal(t, name, parent.GetName())
		return parent
	}
	requests := named(spans, "POST /getTaskResult")
	require.Len(t, requests, 3, "one for each request")
	polls := map[string]bool{}
	for _, request := range requests {
		require.Equal(t, traceID, hex.EncodeToString(request.GetTraceId()), "one trace")
		require.Equal(t, tracepb.Span_SPAN_KIND_CLIENT, request.GetKind())
		attributes := attributesOf(request)
		require.Equal(t, "POST", attributes["http.request.method"])
		require.Equal(t, service.URL()+"/getTaskResult", attributes["url.full"])
		require.Equal(t, "127.0.0.1", attributes["server.address"])
		require.Contains(t, attributes, "http.response.status_code")
		attempt := parentOf(request, "RunActivity:getTaskResult")
		poll := parentOf(attempt, "StartActivity:getTaskResult")
		polls[string(poll.GetSpanId())] = true
		wait := parentOf(poll, "RunWorkflow:AwaitTaskResult")
		require.Equal(t, "StartChildWorkflow:AwaitTaskResult", parents[hex.EncodeToString(wait.GetParentSpanId())])
	}
	require.Len(t, polls, 2, "the second poll has two attempts")
	for _, secret := range []string{harness.ClientKey, "a-solution-to-hide"} {
		require.NotContains(t, collector.Bodies(), secret)
	}
}

// TestTraceHoldsNothingSecret has tasks submitted with an address to call, one of which is solved.
func TestTraceHoldsNothingSecret(t *testing.T) {
	t.Parallel()
	service := startSubmittable(t, simulator.Ready(`{"text":"a-solution-to-hide"}`), simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
	collector, url := harness.StartGRPCCollector(t)
	taskQueue, temporalClient, address := harness.NewTaskQueue(), harness.Dial(t), harness.NewAddress(t)
	process := harness.StartWorkerWith(t, []string{
		"TWOCAPTCHA_API_KEY=" + harness.ClientKey,
		"TWOCAPTCHA_CALLBACK_ADDRESS=" + address, "TWOCAPTCHA_CALLBACK_URL=http://" + address + "/2captcha",
		"TWOCAPTCHA_CALLBACK_SECRET=" + harness.CallbackSecret,
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=" + url, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_SERVICE_NAME=captchas",
	}, taskQueue, service.URL())

	for range 2 {
		_ = startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{}).Get(harness.Context(t), nil)
	}

	stopped(t, process, syscall.SIGTERM) // which sends the last spans
	spans := collector.Spans()
	require.Len(t, named(spans, "POST /createTask"), 2)
	require.NotEmpty(t, named(spans, "SignalWorkflow:taskCallback"), "the calls are part of it")
	require.Equal(t, "captchas", spans[0].Service)
	secrets := []string{harness.ClientKey, harness.CallbackSecret, "a-solution-to-hide", "a-secret-of-the-task"}
	for _, bought := range service.Purchases() {
		token := bought.Task.CallbackURL[strings.LastIndex(bought.Task.CallbackURL, "/")+1:]
		require.NotEmpty(t, token)
		secrets = append(secrets, token)
	}
	for _, secret := range secrets {
		require.NotContains(t, collector.Bodies(), secret)
	}
}

// TestCollectorThatIsAway has a worker serve waits and stop as if it sent no traces.
func TestCollectorThatIsAway(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	process := harness.StartWorkerWith(t, []string{
		"TWOCAPTCHA_API_KEY=" + harness.ClientKey, "OTEL_EXPORTER_OTLP_ENDPOINT=http://" + harness.NewAddress(t),
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=a-credential", "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_EXPORTER_OTLP_TIMEOUT=500",
	}, taskQueue, service.URL())
	for range 2 {
		in := harness.Soon(harness.NewTaskID())
		service.Script(in.TaskID, simulator.Processing(), simulator.Ready(`{}`))
		require.NoError(t, harness.StartWait(t, temporalClient, taskQueue, in).Get(harness.Context(t), nil))
	}
	took := stopped(t, process, syscall.SIGTERM)
	require.Less(t, took, promisedStop+busy)
	require.Equal(t, 1, strings.Count(process.Stderr(), "traces or metrics are lost"), process.Stderr())
	require.NotContains(t, process.Stderr(), "a-credential")
}
