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

// goodSecret is the length, in bytes, below which a secret is likely to be one that can be found out by trying.
const goodSecret = 16

// callbackOptions are for the flags' callback address. Without one they are empty, and the secret is not read: the
// environment may be one that is shared with the starter.
func callbackOptions(flags flags, environ command.Environment, logger *slog.Logger) (callback.Options, error) {
	if flags.CallbackAddress == "" {
		return callback.Options{}, nil
	}
	secret, err := command.CallbackSecret(environ)
	if err != nil {
		return callback.Options{}, err
	}
	return callback.Options{Secret: secret, DomainToken: flags.CallbackDomainToken, Logger: logger}, nil
}

// listenForCallbacks listens from before the Temporal server is reached, so that whoever starts the worker hears at once of an
// address that is none. It returns nil where address is "".
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

// takeCallbacks passes on what comes in by listener until ctx is done and the callbacks under way then are through. Where
// listener is nil, none come. An error is a listener that has failed.
func (s settings) takeCallbacks(ctx context.Context, listener net.Listener, temporal callback.Signaler) error {
	if listener == nil {
		if s.flags.CallbackURL != "" || s.flags.CallbackDomainToken != "" {
			s.logger.Info("callbacks are not taken: TWOCAPTCHA_CALLBACK_ADDRESS is not set", "url", s.flags.CallbackURL)
		}
		<-ctx.Done()
		return nil
	}
	if len(s.callbacks.Secret) < goodSecret {
		s.logger.Warn("the secret of callback addresses is short, and may be found out by trying: set one of 32 random bytes")
	}
	options := s.callbacks
	options.Temporal = temporal
	handler, err := callback.NewHandler(options)
	if err != nil {
		return err
	}
	s.logger.Info("callbacks are taken", "address", listener.Addr().String(), "url", s.flags.CallbackURL)
	if err := serve(ctx, callback.NewServer(handler), listener); err != nil {
		return fmt.Errorf("callbacks can't be taken at %s any longer: %w", listener.Addr(), err)
	}
	return nil
}

// serve answers until ctx is done, and then what is under way.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
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
