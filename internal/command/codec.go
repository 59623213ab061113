package command

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
)

// codecTimeout is how long a codec server has for one answer. A workflow task has 10 s for all of
// its payloads.
const codecTimeout = 4 * time.Second

// CodecError says why the user's codec server did not encode or decode something. Its text names
// the server's host alone: the rest of an address may hold credentials.
type CodecError struct {
	host string
	what string // follows the host
}

func (e *CodecError) Error() string { return "the codec server at " + e.host + " " + e.what }

// withCodec has the client encode and decode by the profile's codec server, if it names one.
// envconfig's own converter is not for workers: it fails a workflow if the server is away, and
// leaves the details of errors in the clear.
func withCodec(options client.Options, profile envconfig.ClientConfigProfile, kind clientKind) (client.Options, error) {
	if profile.Codec == nil || profile.Codec.Endpoint == "" {
		return options, nil
	}
	codec, err := newRemoteCodec(*profile.Codec, options.Namespace)
	if err != nil {
		return client.Options{}, err
	}
	encoding := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), codec)
	options.DataConverter = codecConverter{DataConverter: encoding, codec: codec}
	options.FailureConverter = newCodecFailureConverter(encoding, kind)
	return options, nil
}

// remoteCodec is the SDK's codec for a codec server. Its errors fail the workflow task, and are
// CodecErrors.
type remoteCodec struct {
	converter.PayloadCodec
	host string
}

func newRemoteCodec(config envconfig.ClientConfigCodec, namespace string) (remoteCodec, error) {
	endpoint := strings.ReplaceAll(config.Endpoint, "{namespace}", url.PathEscape(namespace)) // as the CLI and the Web UI do
	parsed, err := url.Parse(endpoint)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return remoteCodec{}, errors.New("TEMPORAL_CODEC_ENDPOINT, or codec.endpoint in temporal.toml, is not a URL: " +
			"it takes the codec server's http or https URL, such as https://codec.example.com")
	}
	if !isHeaderValue(config.Auth) {
		return remoteCodec{}, errors.New("TEMPORAL_CODEC_AUTH, or codec.auth in temporal.toml, has a line end or another " +
			"control character: it takes the value of the Authorization header")
	}
	return remoteCodec{
		host: parsed.Host,
		PayloadCodec: converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{
			Endpoint: endpoint,
			ModifyRequest: func(request *http.Request) error {
				request.Header.Set("X-Namespace", namespace)
				if config.Auth != "" {
					request.Header.Set("Authorization", config.Auth)
				}
				return nil
			},
			Client: http.Client{Timeout: codecTimeout, Transport: onlyOK{http.DefaultTransport}},
		}),
	}, nil
}

func (c remoteCodec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	encoded, err := c.PayloadCodec.Encode(payloads)
	return encoded, c.explain(err)
}

func (c remoteCodec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decoded, err := c.PayloadCodec.Decode(payloads)
	return decoded, c.explain(err)
}

// explain leaves out what a codec server says: it may be what it should have encoded.
func (c remoteCodec) explain(err error) error {
	if err == nil {
		return nil
	}
	what := "gives an answer that is not one of a codec server: check TEMPORAL_CODEC_ENDPOINT"
	var status statusError
	var transport *url.Error
	switch {
	case errors.As(err, &status):
		what = fmt.Sprintf("answers with HTTP status %d: check TEMPORAL_CODEC_ENDPOINT and TEMPORAL_CODEC_AUTH", int(status))
	case errors.As(err, &transport):
		what = fmt.Sprintf("can't be reached: start it, or set TEMPORAL_CODEC_ENDPOINT (%v)", transport.Err)
	}
	return converter.NewWorkflowTaskFailureError(&CodecError{c.host, what})
}

// onlyOK takes every answer but 200 for an error. So it follows no redirect either, which would
// carry what is to be encoded to another host.
type onlyOK struct{ http.RoundTripper }

type statusError int

func (e statusError) Error() string { return fmt.Sprintf("HTTP status %d", int(e)) }

func (t onlyOK) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(request)
	if err == nil && response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, statusError(response.StatusCode)
	}
	return response, err
}
