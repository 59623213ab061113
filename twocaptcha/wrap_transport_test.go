package twocaptcha_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (send roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
	return send(request)
}

func TestWrappedTransportSendsEachRequest(t *testing.T) {
	t.Parallel()
	var traced []string
	server := startService(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "of the wrapper", r.Header.Get("Traceparent"))
		_, _ = io.WriteString(w, `{"errorId":0,"status":"processing"}`)
	})
	client := newClient(t, server.URL, func(o *twocaptcha.Options) {
		o.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				traced = append(traced, request.URL.Path)
				request = request.Clone(request.Context())
				request.Header.Set("Traceparent", "of the wrapper")
				return next.RoundTrip(request)
			})
		}
	})
	for range 2 {
		result, err := client.GetTaskResult(t.Context(), taskID)
		require.NoError(t, err)
		require.Equal(t, twocaptcha.StatusProcessing, result.Status)
	}
	require.Equal(t, []string{"/getTaskResult", "/getTaskResult"}, traced)
}

func TestErrorsOfAWrappedTransportHoldNoKey(t *testing.T) {
	t.Parallel()
	client := newClient(t, "http://127.0.0.1:1", func(o *twocaptcha.Options) {
		o.WrapTransport = func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(*http.Request) (*http.Response, error) {
				return nil, errors.New("refused with " + clientKey)
			})
		}
	})
	_, err := client.GetTaskResult(t.Context(), taskID)
	require.EqualError(t, err, "task 74372499131: getTaskResult: no answer: refused with [client key]")
}

func TestWrappedTransportMustNotBeNil(t *testing.T) {
	t.Parallel()
	_, err := twocaptcha.NewClient(twocaptcha.Options{
		ClientKey:     clientKey,
		WrapTransport: func(http.RoundTripper) http.RoundTripper { return nil },
	})
	require.EqualError(t, err, "twocaptcha: WrapTransport returned nil: it must return an http.RoundTripper")
}
