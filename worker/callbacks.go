package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// goodSecret is the length, in bytes, below which a secret is likely to be found out by trying.
const goodSecret = 16

// callbackOptions returns the options of the callback handler, all but its client. Without a
// callback address they are empty, and the secret is not read: the worker may share its environment
// with the starter.
func callbackOptions(f flags, environment command.Environment, logger *slog.Logger) (callback.Options, error) {
	if f.CallbackAddress == "" {
		return callback.Options{}, nil
	}
	secret, err := command.CallbackSecret(environment)
	if err != nil {
		return callback.Options{}, err
	}
	return callback.Options{Secret: secret, DomainToken: f.CallbackDomainToken, Logger: logger}, nil
}

// callbackAddresses is what SolveTask's addresses are made of, if this worker takes their calls.
func callbackAddresses(f flags, options callback.Options) command.CallbackAddresses {
	if f.CallbackAddress == "" || f.CallbackURL == "" {
		return command.CallbackAddresses{}
	}
	return command.CallbackAddresses{URL: f.CallbackURL, Secret: options.Secret}
}

// listenForCallbacks is called before the Temporal server is reached, so that an invalid address
// fails the start immediately. It returns nil if address is "".
func listenForCallbacks(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("callbacks can't be taken at %s: "+
			"set TWOCAPTCHA_CALLBACK_ADDRESS to an address of this machine that is free (%w)", address, err)
	}
	return listener, nil
}

// callbackServer passes on the callbacks that come in by its listener.
type callbackServer struct {
	listener net.Listener
	signaler callback.Signaler
	settings
}

// Run serves until ctx is done and the callbacks under way then are passed on. An error says that
// the listener has failed.
func (c callbackServer) Run(ctx context.Context) error {
	if len(c.callbacks.Secret) < goodSecret {
		c.logger.Warn("the secret of callback addresses is short, and may be found out by trying: " +
			"set one of 32 random bytes")
	}
	options := c.callbacks
	options.Temporal = c.signaler
	handler, err := callback.NewHandler(options)
	if err != nil {
		return err
	}
	c.logger.Info("callbacks are taken", "address", c.listener.Addr().String(), "url", c.flags.CallbackURL)
	if c.flags.CallbackURL == "" {
		c.logger.Info("SolveTask gives the service no address to call: TWOCAPTCHA_CALLBACK_URL is not set")
	}
	if err := serveHTTP(ctx, callback.NewServer(handler), c.listener); err != nil {
		return fmt.Errorf("callbacks can't be taken at %s any longer: %w", c.listener.Addr(), err)
	}
	return nil
}

// serveHTTP serves until ctx is done and the requests under way then are answered.
func serveHTTP(ctx context.Context, server *http.Server, listener net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		server.Close()
		return err
	case <-ctx.Done():
	}
	shutdownCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), command.WorkerStopTimeout)
	defer cancel()
	if err := server.Shutdown(shutdownCtx); err != nil {
		server.Close()
	}
	<-ended
	return nil
}
