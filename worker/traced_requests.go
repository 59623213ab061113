package main

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// tracedRequests makes a span of each request to the service, by OpenTelemetry's conventions for
// HTTP clients. The library's own transport would not do: it has the body of a request written
// apart from its header, so that more requests to buy a task end with an unknown outcome; it sends
// the trace's id to the service; and the errors that it records may quote what was sent, with the
// client key.
type tracedRequests struct {
	next   http.RoundTripper
	tracer trace.Tracer
}

// wrapTransport is for provider.Config.
func (t *traces) wrapTransport(next http.RoundTripper) http.RoundTripper {
	return tracedRequests{next, t.provider.Tracer("temporal-2captcha")}
}

// RoundTrip implements [http.RoundTripper].
func (t tracedRequests) RoundTrip(request *http.Request) (*http.Response, error) {
	method := "/" + path.Base(request.URL.Path) // what comes before may be secret
	ctx, span := t.tracer.Start(request.Context(), request.Method+" "+method, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(
			semconv.HTTPRequestMethodKey.String(request.Method),
			semconv.URLFull(request.URL.Scheme+"://"+request.URL.Host+method),
			semconv.ServerAddress(request.URL.Hostname()),
			semconv.ServerPort(port(request)),
		))
	defer span.End()
	response, err := t.next.RoundTrip(request.WithContext(ctx))
	switch {
	case err != nil:
		span.SetStatus(codes.Error, "no answer")
		span.SetAttributes(semconv.ErrorTypeKey.String(kindOf(err)))
		return nil, err
	case response.StatusCode >= http.StatusBadRequest:
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(response.StatusCode)))
	}
	span.SetAttributes(semconv.HTTPResponseStatusCode(response.StatusCode), protocolVersion(response))
	return response, nil
}

func port(request *http.Request) int {
	if number, err := strconv.Atoi(request.URL.Port()); err == nil {
		return number
	}
	if request.URL.Scheme == "http" {
		return 80
	}
	return 443
}

func protocolVersion(response *http.Response) attribute.KeyValue {
	return semconv.NetworkProtocolVersion(strconv.Itoa(response.ProtoMajor) + "." + strconv.Itoa(response.ProtoMinor))
}

func kindOf(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return semconv.ErrorTypeOther.Value.AsString()
}
