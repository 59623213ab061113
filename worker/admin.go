package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// adminStopTimeout is short: when the admin server ends, the worker has drained, and nothing may
// keep the process any longer.
const adminStopTimeout = time.Second

// adminServer tells of this process to those who run it: metrics, and whether it is alive and
// ready. It listens before the Temporal server is reached, and answers until the worker has
// drained.
type adminServer struct {
	listener net.Listener
	metrics  http.Handler // nil: /metrics is not found
	// notReady says in one line why the worker does not serve its task queue, or returns nil. It
	// answers from memory.
	notReady func() error
	logger   *slog.Logger
}

// Run serves until ctx is done. An error says that the listener has failed.
func (a adminServer) Run(ctx context.Context) error {
	server := &http.Server{
		Handler:           a.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,            // longer than the usual time between two scrapes
		ErrorLog:          log.New(io.Discard, "", 0), // it may hold what a client sent
	}
	a.logger.Info("health is served", "address", a.listener.Addr().String(), "metrics", a.metrics != nil)
	if err := serveHTTP(ctx, server, a.listener, adminStopTimeout); err != nil {
		return fmt.Errorf("metrics and health can't be served at %s any longer: %w", a.listener.Addr(), err)
	}
	return nil
}

func (a adminServer) handler() http.Handler {
	paths := http.NewServeMux()
	if a.metrics != nil {
		paths.Handle("GET /metrics", a.metrics)
	}
	paths.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	paths.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, a.notReady()) })
	return paths
}

// answer says in one line how the worker is: 200 "ok", or 503 and the problem.
func answer(w http.ResponseWriter, problem error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if problem != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(w, problem)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}
