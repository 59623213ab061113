package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"

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

// callbackAddress is what SolveTask's addresses are made of, if this worker takes their calls; else
// both are "".
func callbackAddress(f flags, options callback.Options) (url, secret string) {
	if f.CallbackAddress == "" || f.CallbackURL == "" {
		return "", ""
	}
	return f.CallbackURL, options.Secret
}

// listenForCallbacks returns nil if address is "".
func listenForCallbacks(address string) (net.Listener, error) {
	return listen(address, "callbacks can't be taken", "TWOCAPTCHA_CALLBACK_ADDRESS")
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
	if err := serveHTTP(ctx, callback.NewServer(handler), c.listener, command.WorkerStopTimeout); err != nil {
		return fmt.Errorf("callbacks can't be taken at %s any longer: %w", c.listener.Addr(), err)
	}
	return nil
}
