package devserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/temporal-providers/temporal-2captcha/internal/loopback"
)

const (
	namespace       = "default"
	pollInterval    = 20 * time.Millisecond
	questionTimeout = 5 * time.Second
)

// waitUntilReady returns when the server answers in every way that its users need. It returns an
// error if the server has ended or is not ready in time.
func waitUntilReady(ctx context.Context, server *Server) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, fmt.Errorf("it was not ready within %s", readyTimeout))
	defer cancel()
	questions := []func(context.Context) error{
		// The HTTP API is first, because no other server was told to take its port. If two servers
		// were given the same gRPC port, answers on that port might be the other server's. The HTTP
		// API only begins once this server has its gRPC port.
		func(ctx context.Context) error { return askHTTPAPI(ctx, loopback.Address(server.ports.http)) },
		func(ctx context.Context) error { return askNamespace(ctx, server.Address()) },
		func(ctx context.Context) error { return askWebUI(ctx, server.WebURL()) },
	}
	for _, ask := range questions {
		if err := askUntilAnswered(ctx, server, ask); err != nil {
			return err
		}
	}
	return nil
}

func askUntilAnswered(ctx context.Context, server *Server, ask func(context.Context) error) error {
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-server.Done():
			return errors.New(server.process.Outcome())
		default:
		}
		// If it is one of the ports that the CLI picks itself, the parts of the server wait for each
		// other forever.
		if server.log.Contains(addressInUse) {
			return errPortTaken
		}
		if !pause(ctx) {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

func askNamespace(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	temporalClient, err := client.DialContext(ctx, client.Options{
		HostPort: address,
		Logger:   log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	if _, err := temporalClient.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return err
	}
	_, err = temporalClient.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	return err
}

func askHTTPAPI(ctx context.Context, address string) error {
	body, err := get(ctx, "http://"+address+"/api/v1/namespaces/"+namespace)
	if err != nil {
		return err
	}
	var description struct {
		NamespaceInfo struct{ Name string }
	}
	if err := json.Unmarshal(body, &description); err != nil || description.NamespaceInfo.Name != namespace {
		return fmt.Errorf("%s is not Temporal's HTTP API", address)
	}
	return nil
}

func askWebUI(ctx context.Context, url string) error {
	_, err := get(ctx, url+"/")
	return err
}

func get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers with HTTP status %s", url, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, 1<<20))
}

// pause waits an instant before a condition is checked again. It returns false if ctx has ended.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pollInterval):
		return true
	}
}
