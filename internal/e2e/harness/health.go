package harness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// WithHealth has a worker answer probes, at an address that [NewHealth] finds.
const WithHealth = "TWOCAPTCHA_METRICS_ADDRESS=127.0.0.1:0"

// Health is a worker's probes.
type Health struct{ base string }

var healthAddress = regexp.MustCompile(`health is served.* address=(\S+)`)

// NewHealth returns the probes of a worker that was started with [WithHealth].
func NewHealth(t *testing.T, worker *Process) Health {
	t.Helper()
	worker.WaitForOutput(t, "health is served")
	address := healthAddress.FindStringSubmatch(worker.Stderr())
	require.Len(t, address, 2, worker.Stderr())
	return Health{"http://" + address[1]}
}

// probeTimeout is the default of Kubernetes.
const probeTimeout = time.Second

// Probe returns the answer's status and its line. An error says that there was no answer in time.
func (h Health) Probe(path string) (status int, line string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.base+path, nil)
	if err != nil {
		return 0, "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && strings.Count(string(text), "\n") != 1 {
		err = fmt.Errorf("the answer is not one line: %q", text)
	}
	return answer.StatusCode, strings.TrimSuffix(string(text), "\n"), err
}

// WaitUntilReady waits for as long as atMost until the worker is ready. Meanwhile it is alive.
func (h Health) WaitUntilReady(t *testing.T, atMost time.Duration) {
	t.Helper()
	h.waitUntil(t, atMost, http.StatusOK, "ok")
}

// WaitUntilNotReady is WaitUntilReady until the worker says why it is not, by a regular expression.
func (h Health) WaitUntilNotReady(t *testing.T, atMost time.Duration, why string) {
	t.Helper()
	h.waitUntil(t, atMost, http.StatusServiceUnavailable, why)
}

func (h Health) waitUntil(t *testing.T, atMost time.Duration, status int, line string) {
	t.Helper()
	want := regexp.MustCompile("^" + line + "$")
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		gotStatus, got, err := h.Probe("/healthz")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, gotStatus, got)
		gotStatus, got, err = h.Probe("/readyz")
		require.NoError(t, err)
		if gotStatus == status && want.MatchString(got) {
			return
		}
		require.Less(t, time.Since(begun), atMost, "/readyz answers %d %q, not %d %q", gotStatus, got, status, line)
	}
}
