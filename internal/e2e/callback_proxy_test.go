package e2e

import (
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// tlsProxy ends TLS in front of a worker, whose callbacks are under a path prefix there.
type tlsProxy struct {
	server *httptest.Server
	target atomic.Pointer[url.URL]
}

const proxyPrefix = "/hooks/2captcha"

// startProxy starts a proxy without a target. With strip it leaves the prefix out of what it passes
// on.
func startProxy(t *testing.T, strip bool) *tlsProxy {
	t.Helper()
	p := &tlsProxy{}
	var handler http.Handler = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(p.target.Load()) },
		// A target that is down is answered with 502, which tests see.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	if strip {
		handler = http.StripPrefix(proxyPrefix, handler)
	}
	routes := http.NewServeMux()
	routes.Handle(proxyPrefix+"/", handler)
	p.server = httptest.NewTLSServer(routes)
	t.Cleanup(p.server.Close)
	return p
}

// roots are the certificates that vouch for the proxy.
func (p *tlsProxy) roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(p.server.Certificate())
	return roots
}

func (p *tlsProxy) base() string { return p.server.URL + proxyPrefix }

func (p *tlsProxy) passTo(t *testing.T, base string) {
	t.Helper()
	target, err := url.Parse(base)
	require.NoError(t, err)
	p.target.Store(target)
}

func TestCallbackThroughAProxy(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		strip bool
	}{
		{name: "that strips its prefix", strip: true},
		{name: "that leaves its prefix"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			const proof = "a-token-that-the-service-asked-for"
			proxy := startProxy(t, row.strip)
			service, taskQueue := harness.StartCallbackService(t, simulator.Options{CallbackRoots: proxy.roots()}), harness.NewTaskQueue()
			service.Sender = proxy.server.Client() // which trusts the proxy
			temporalClient := harness.Dial(t)
			_, base := harness.StartCallbackWorkerWith(t, []string{
				"TWOCAPTCHA_CALLBACK_URL=" + proxy.base(), "TWOCAPTCHA_CALLBACK_DOMAIN_TOKEN=" + proof,
			}, taskQueue, service.URL())
			proxy.passTo(t, base)
			taskID := service.Reserve()
			run := harness.StartWait(t, temporalClient, taskQueue, harness.UntilCalledBack(taskID))

			service.SubmitWithCallback(t, taskID, proxy.base(), simulator.Submission{
				Answers: []simulator.Answer{simulator.Ready(`{"text":"abc"}`)},
			})

			service.UntilTaken(t, taskID)
			var output workflows.AwaitTaskResultOutput
			require.NoError(t, run.Get(harness.Context(t), &output))
			require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
			require.Len(t, service.RequestsFor(taskID), 1)
			for _, address := range []string{base + "/2captcha.txt", proxy.base() + "/2captcha.txt"} {
				answer, err := proxy.server.Client().Get(address)
				require.NoError(t, err)
				defer answer.Body.Close()
				body, err := io.ReadAll(answer.Body)
				require.NoError(t, err)
				require.Equal(t, proof, string(body), "the domain proof at %s", address)
			}
		})
	}
}

// TestCallbackAfterARestartOfTheWorker has an address outlive the worker that it was made for.
func TestCallbackAfterARestartOfTheWorker(t *testing.T) {
	t.Parallel()
	proxy := startProxy(t, true)
	service, taskQueue := harness.StartCallbackService(t, simulator.Options{CallbackRoots: proxy.roots()}), harness.NewTaskQueue()
	temporalClient := harness.Dial(t)
	first, base := harness.StartCallbackWorker(t, taskQueue, service.URL())
	proxy.passTo(t, base)
	called, missed := service.Reserve(), service.Reserve()
	calledRun := harness.StartWait(t, temporalClient, taskQueue, harness.UntilCalledBack(called))
	require.Equal(t, workflows.StateWaiting, harness.StatusOf(t, temporalClient, calledRun).State)

	first.Signal(t, syscall.SIGKILL)
	first.Wait(t)
	missedRun := harness.StartWait(t, temporalClient, taskQueue, workflows.AwaitTaskResultInput{
		TaskID: missed, Callback: true, InitialDelay: time.Second,
	})
	ready := simulator.Submission{Answers: []simulator.Answer{simulator.Ready(`{"text":"abc"}`)}}
	for _, taskID := range []int64{called, missed} {
		service.SubmitWithCallback(t, taskID, proxy.base(), ready)
		require.NoError(t, service.WaitForCallbacks(harness.Context(t), taskID, 1))
		require.Equal(t, http.StatusBadGateway, service.CallbacksFor(taskID)[0].HTTPStatus, "nobody is there")
	}
	_, base = harness.StartCallbackWorker(t, taskQueue, service.URL())
	proxy.passTo(t, base)
	_, err := harness.PostUntilTaken(harness.Context(t), proxy.server.Client(),
		service.CallbacksFor(called)[0].URL, called)
	require.NoError(t, err)

	require.NoError(t, calledRun.Get(harness.Context(t), nil), "the callback is taken after the restart")
	require.NoError(t, missedRun.Get(harness.Context(t), nil), "a callback that nobody took is made up for by a poll")
	for _, taskID := range []int64{called, missed} {
		require.Len(t, service.RequestsFor(taskID), 1)
	}
}
