package main

import (
	"context"
	"errors"
	"net"
	"sync"

	"go.temporal.io/sdk/client"
)

// service is one of the things that the worker does.
type service interface {
	// Run serves until ctx is done and what is under way then has finished. An error says why it
	// ended before.
	Run(ctx context.Context) error
}

// services are those that the worker runs side by side.
type services []service

// services returns those that the settings ask for. listener is nil if no callbacks are taken.
func (s settings) services(temporalClient client.Client, listener net.Listener) services {
	list := services{taskQueue{temporalClient, s}}
	if listener != nil {
		return append(list, callbackServer{listener, temporalClient, s})
	}
	if s.flags.CallbackURL != "" || s.flags.CallbackDomainToken != "" {
		s.logger.Info("callbacks are not taken: TWOCAPTCHA_CALLBACK_ADDRESS is not set", "url", s.flags.CallbackURL)
	}
	return list
}

// Run begins with the services in their order. If one ends, it ends the others too. Their errors
// are in the list's order.
func (s services) Run(ctx context.Context) error {
	ctx, endAll := context.WithCancel(ctx)
	defer endAll()
	errs := make([]error, len(s))
	var running sync.WaitGroup
	for i, each := range s {
		running.Go(func() {
			defer endAll()
			errs[i] = each.Run(ctx)
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// serviceFunc is a function as a service.
type serviceFunc func(ctx context.Context) error

func (f serviceFunc) Run(ctx context.Context) error { return f(ctx) }

// whileServing runs work, and the server meanwhile: until work has drained, also after ctx is done.
// If the server ends before, it ends work.
func whileServing(server, work service) service {
	return serviceFunc(func(ctx context.Context) error {
		workCtx, endWork := context.WithCancel(ctx)
		defer endWork()
		serverCtx, endServer := context.WithCancel(context.WithoutCancel(ctx))
		defer endServer()
		served := make(chan error, 1)
		go func() {
			defer endWork()
			served <- server.Run(serverCtx)
		}()
		err := work.Run(workCtx)
		endServer()
		return errors.Join(err, <-served)
	})
}
