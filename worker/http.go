package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// listen is called before the Temporal server is reached, so that an invalid address fails the
// start immediately. It returns nil if address is "". An error begins with problem, and names the
// variable to set.
func listen(address, problem, variable string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: set %s to an address of this machine that is free (%w)",
			problem, address, variable, err)
	}
	return listener, nil
}

// serveHTTP serves until ctx is done and the requests under way then are answered, or have had
// stopTimeout.
func serveHTTP(ctx context.Context, server *http.Server, listener net.Listener, stopTimeout time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		server.Close()
		return err
	case <-ctx.Done():
	}
	shutdownCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(shutdownCtx); err != nil {
		server.Close()
	}
	<-ended
	return nil
}
