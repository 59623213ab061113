package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

type fakeService func(ctx context.Context) error

func (f fakeService) Run(ctx context.Context) error { return f(ctx) }

func TestServiceThatEndsEndsTheOthers(t *testing.T) {
	t.Parallel()
	first, last := errors.New("the first one's"), errors.New("the last one's")
	waitAndFail := func(err error) fakeService {
		return func(ctx context.Context) error {
			<-ctx.Done()
			return err
		}
	}
	ends := fakeService(func(context.Context) error { return nil })
	err := services{waitAndFail(first), ends, waitAndFail(last)}.Run(t.Context())
	require.EqualError(t, err, "the first one's\nthe last one's", "errors are in the list's order")

	require.NoError(t, services{ends, waitAndFail(nil)}.Run(t.Context()))
}

func TestServicesEndWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	drained := false
	drain := fakeService(func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		drained = true
		return nil
	})
	require.NoError(t, services{drain}.Run(ctx))
	require.True(t, drained, "it is waited for")
}

func TestServerAnswersUntilTheWorkHasDrained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		drained := make(chan struct{})
		server := fakeService(func(ctx context.Context) error {
			<-ctx.Done()
			select {
			case <-drained:
				return nil
			default:
				return errors.New("the server was ended before the work had drained")
			}
		})
		work := fakeService(func(ctx context.Context) error {
			stop()
			<-ctx.Done()
			time.Sleep(time.Second)
			close(drained)
			return errors.New("the work's")
		})
		require.EqualError(t, whileServing(server, work).Run(ctx), "the work's")
	})
}

func TestServerThatEndsEndsTheWork(t *testing.T) {
	t.Parallel()
	server := fakeService(func(context.Context) error { return errors.New("the server's") })
	work := fakeService(func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	require.EqualError(t, whileServing(server, work).Run(t.Context()), "the server's")
}
