package callback_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/metricstest"
)

func TestCallsAreCountedByTheirOutcome(t *testing.T) {
	t.Parallel()
	const call = "id=5&code=x"
	ended, away := serviceerror.NewNotFound("no"), errors.New("the server is away")
	path := "/" + taskToken(t)
	for name, test := range map[string]struct {
		temporal error
		request  *http.Request // nil: a call of the service
		outcome  string        // "": nothing is counted
	}{
		"a wait is woken":            {nil, nil, "woken"},
		"nobody waits":               {ended, nil, "not_waiting"},
		"Temporal is away":           {away, nil, "failed"},
		"an unknown address":         {nil, httptest.NewRequest(http.MethodPost, "/wrong", nil), "rejected"},
		"another method":             {nil, httptest.NewRequest(http.MethodGet, path, nil), "rejected"},
		"a body without an id":       {nil, httptest.NewRequest(http.MethodPost, path, nil), "rejected"},
		"the proof of the domain":    {nil, httptest.NewRequest(http.MethodGet, "/2captcha.txt", nil), ""},
		"a POST to the domain proof": {nil, httptest.NewRequest(http.MethodPost, "/2captcha.txt", nil), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			metrics := metricstest.New()
			handler, server := newHandler(t, func(options *callback.Options) {
				options.Metrics, options.DomainToken = metrics, "proof"
			})
			server.fail = func(context.Context) error { return test.temporal }
			if test.request == nil {
				post(handler, path, call)
			} else {
				answer(handler, test.request)
			}
			want := map[string]int64{}
			if test.outcome != "" {
				want[`twocaptcha_callbacks{outcome="`+test.outcome+`"}`] = 1
			}
			require.Equal(t, want, metrics.Counters())
			require.Empty(t, metrics.Problems())
		})
	}
}
