package command_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// codecServer is a codec server that compresses, and that can be away.
type codecServer struct {
	*httptest.Server
	away     atomic.Bool
	requests atomic.Int64
}

func startCodecServer(t *testing.T) *codecServer {
	c := &codecServer{}
	codec := converter.NewPayloadCodecHTTPHandler(converter.NewZlibCodec(converter.ZlibCodecOptions{AlwaysEncode: true}))
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.requests.Add(1)
		if c.away.Load() {
			panic(http.ErrAbortHandler)
		}
		if r.Header.Get("Authorization") != "Bearer topsecret" || r.Header.Get("X-Namespace") != "captchas" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		codec.ServeHTTP(w, r)
	}))
	t.Cleanup(c.Close)
	return c
}

// environment has the client use the codec server. More variables may follow.
func (c *codecServer) environment(more ...string) command.Environment {
	return withoutFile(append([]string{
		"TEMPORAL_NAMESPACE=captchas", "TEMPORAL_CODEC_ENDPOINT=" + c.URL, "TEMPORAL_CODEC_AUTH=Bearer topsecret",
	}, more...)...)
}

func TestCodecServerThatCantBeMeantIsNamed(t *testing.T) {
	t.Parallel()
	const endpoint = "TEMPORAL_CODEC_ENDPOINT, or codec.endpoint in temporal.toml, is not a URL: it takes the codec server's http or https URL, such as https://codec.example.com"
	for name, test := range map[string]struct {
		environment command.Environment
		message     string
	}{
		"without a scheme":         {withoutFile("TEMPORAL_CODEC_ENDPOINT=codec:8888"), endpoint},
		"without a host":           {withoutFile("TEMPORAL_CODEC_ENDPOINT=http:///encode"), endpoint},
		"with a control character": {withoutFile("TEMPORAL_CODEC_ENDPOINT=https://user:topsecret@codec\n"), endpoint},
		"with an auth of two lines": {withoutFile("TEMPORAL_CODEC_ENDPOINT=https://codec", "TEMPORAL_CODEC_AUTH=Bearer topsecret\n"),
			"TEMPORAL_CODEC_AUTH, or codec.auth in temporal.toml, has a line end or another control character: it takes the value of the Authorization header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, options := range []func(command.Environment) (client.Options, error){command.ClientOptions, command.WorkerClientOptions} {
				_, err := options(test.environment)
				require.EqualError(t, err, test.message)
			}
		})
	}
}

func TestPayloadsAndDetailsOfErrorsGoThroughTheCodecServer(t *testing.T) {
	t.Parallel()
	server := startCodecServer(t)
	file := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `
[profile.captchas]
namespace = "captchas"
[profile.captchas.codec]
endpoint = "%s/{namespace}"
auth = "Bearer topsecret"`, server.URL), 0o600))
	for name, environment := range map[string]command.Environment{
		"variables": server.environment(),
		"a profile": {"TEMPORAL_CONFIG_FILE=" + file, "TEMPORAL_PROFILE=captchas"},
	} {
		for kind, newOptions := range map[string]func(command.Environment) (client.Options, error){
			"a command's": command.ClientOptions, "a worker's": command.WorkerClientOptions,
		} {
			options, err := newOptions(environment)
			require.NoError(t, err, "%s, %s", name, kind)

			payloads, err := options.DataConverter.ToPayloads("a solution", 5)
			require.NoError(t, err)
			for _, payload := range payloads.GetPayloads() {
				require.Equal(t, "binary/zlib", string(payload.GetMetadata()["encoding"]))
			}
			var text string
			var number int
			require.NoError(t, options.DataConverter.FromPayloads(payloads, &text, &number))
			require.Equal(t, "a solution", text)
			require.Equal(t, 5, number)

			cause := temporal.NewApplicationErrorWithOptions("inner", "Inner", temporal.ApplicationErrorOptions{Details: []any{"deep"}})
			failure := options.FailureConverter.ErrorToFailure(temporal.NewApplicationErrorWithOptions("outer", "Outer",
				temporal.ApplicationErrorOptions{NonRetryable: true, Cause: cause, Details: []any{"a detail", 7}}))
			require.NotContains(t, failure.String(), "a detail")
			require.NotContains(t, failure.String(), "deep")
			require.Equal(t, "outer", failure.GetMessage())
			got := options.FailureConverter.FailureToError(failure)
			var applicationError *temporal.ApplicationError
			require.ErrorAs(t, got, &applicationError)
			require.NoError(t, applicationError.Details(&text, &number))
			require.Equal(t, "a detail", text)
			require.Equal(t, 7, number)
			require.NotContains(t, options.FailureConverter.ErrorToFailure(got).String(), "a detail", "a failure that is passed on")
		}
	}
}

func TestCodecServerThatIsAwayIsNamedByItsHostAlone(t *testing.T) {
	t.Parallel()
	server := startCodecServer(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, server.URL, http.StatusTemporaryRedirect)
	}))
	defer elsewhere.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>topsecret") }))
	defer page.Close()
	const path = "/topsecret?key=topsecret"
	tests := map[string]struct{ endpoint, says string }{
		"nobody listens":  {"http://user:topsecret@127.0.0.1:1" + path, "the codec server at 127.0.0.1:1 can't be reached: start it, or set TEMPORAL_CODEC_ENDPOINT (dial tcp 127.0.0.1:1: connect: connection refused)"},
		"a refusal":       {server.URL + path, "the codec server at " + server.Listener.Addr().String() + " answers with HTTP status 401: check TEMPORAL_CODEC_ENDPOINT and TEMPORAL_CODEC_AUTH"},
		"another website": {page.URL + path, "the codec server at " + page.Listener.Addr().String() + " gives an answer that is not one of a codec server: check TEMPORAL_CODEC_ENDPOINT"},
		"a redirect":      {elsewhere.URL + path, "the codec server at " + elsewhere.Listener.Addr().String() + " answers with HTTP status 307: check TEMPORAL_CODEC_ENDPOINT and TEMPORAL_CODEC_AUTH"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			options, err := command.ClientOptions(withoutFile("TEMPORAL_CODEC_ENDPOINT=" + test.endpoint))
			require.NoError(t, err)
			_, err = options.DataConverter.ToPayload("a solution")
			require.EqualError(t, err, test.says)
			require.ErrorAs(t, err, new(*command.CodecError))
			require.ErrorAs(t, err, new(*converter.WorkflowTaskFailureError), "in a workflow, it must fail the workflow task")
			err = options.DataConverter.FromPayload(&commonpb.Payload{}, new(string))
			require.EqualError(t, err, test.says)
		})
	}
}

func TestErrorsWhileTheCodecServerIsAway(t *testing.T) {
	t.Parallel()
	server := startCodecServer(t)
	converters := func(newOptions func(command.Environment) (client.Options, error)) converter.FailureConverter {
		options, err := newOptions(server.environment())
		require.NoError(t, err)
		return options.FailureConverter
	}
	ofWorker, ofCommand := converters(command.WorkerClientOptions), converters(command.ClientOptions)
	verdict := temporal.NewApplicationErrorWithOptions("task 5: unsolvable", "ERROR_CAPTCHA_UNSOLVABLE",
		temporal.ApplicationErrorOptions{NonRetryable: true, NextRetryDelay: 7e9, Details: []any{"a detail"}})
	failure := ofWorker.ErrorToFailure(verdict)
	server.away.Store(true)

	require.ErrorAs(t, ofCommand.FailureToError(failure), new(*command.CodecError), "not the failure without its details")
	requirePanicsWithCodecError(t, func() { _ = ofWorker.FailureToError(failure) })
	inWorkflow := converter.WithFailureConverterSerializationContext(ofWorker, converter.WorkflowSerializationContext{})
	requirePanicsWithCodecError(t, func() { inWorkflow.ErrorToFailure(verdict) })

	inActivity := converter.WithFailureConverterSerializationContext(ofWorker, converter.ActivitySerializationContext{})
	reported := inActivity.ErrorToFailure(verdict)
	info := reported.GetApplicationFailureInfo()
	require.False(t, info.GetNonRetryable(), "a verdict that can't be reported is asked for again")
	require.Nil(t, info.GetDetails())
	require.Equal(t, "ERROR_CAPTCHA_UNSOLVABLE", info.GetType())
	require.Equal(t, int64(7), info.GetNextRetryDelay().GetSeconds())
	require.Contains(t, reported.GetMessage(), "task 5: unsolvable; not reported: the codec server at ")

	before := server.requests.Load()
	require.Equal(t, &failurepb.Failure_CanceledFailureInfo{CanceledFailureInfo: &failurepb.CanceledFailureInfo{}},
		ofWorker.ErrorToFailure(temporal.NewCanceledError()).GetFailureInfo(), "nothing is to be encoded")
	require.Equal(t, before, server.requests.Load())
}

// requirePanicsWithCodecError requires the panic that fails a workflow task and nothing more.
func requirePanicsWithCodecError(t *testing.T, call func()) {
	t.Helper()
	defer func() {
		err, _ := recover().(error)
		var codecError *command.CodecError
		require.True(t, errors.As(err, &codecError), "it panics with %v", err)
		require.ErrorAs(t, err, new(*converter.WorkflowTaskFailureError))
	}()
	call()
}

// An operation whose input can't be decoded yet is repeated rather than refused.
func TestNexusInputWhileTheCodecServerIsAway(t *testing.T) {
	t.Parallel()
	server := startCodecServer(t)
	options, err := command.WorkerClientOptions(server.environment())
	require.NoError(t, err)
	inOperation := converter.WithDataConverterSerializationContext(options.DataConverter, converter.NexusSerializationContext{})
	payload, err := inOperation.ToPayload("an input")
	require.NoError(t, err)
	var input string
	require.NoError(t, inOperation.FromPayload(payload, &input))
	require.Equal(t, "an input", input)

	server.away.Store(true)
	var failure *nexus.HandlerError
	require.ErrorAs(t, inOperation.FromPayload(payload, &input), &failure)
	require.True(t, failure.Retryable())
	inActivity := converter.WithDataConverterSerializationContext(options.DataConverter, converter.ActivitySerializationContext{})
	require.False(t, errors.As(inActivity.FromPayload(payload, &input), &failure))
}
