package activities

import (
	"context"

	"go.temporal.io/sdk/activity"
)

// FakeServer stands in for the Temporal server that an attempt speaks with by itself.
type FakeServer struct {
	Heartbeat func(ctx context.Context, details any) error
	Complete  func(ctx context.Context, result any, failure error) error
	Signal    func(ctx context.Context, name string, payload any) error
}

func (f *FakeServer) heartbeat(ctx context.Context, details any) error {
	return f.Heartbeat(ctx, details)
}

func (f *FakeServer) complete(ctx context.Context, result any, failure error) error {
	return f.Complete(ctx, result, failure)
}

func (f *FakeServer) signal(ctx context.Context, name string, payload any) error {
	return f.Signal(ctx, name, payload)
}

// WithFakeServer has the attempts speak with a fake server.
func WithFakeServer(f *FakeServer) Option {
	return func(a *Activities) {
		a.temporalServer = func(context.Context, activity.Info) temporalServer { return f }
	}
}

// Classify is what an activity makes of a client's error.
func Classify(method string, err error) error { return failure{method: method}.classify(err) }
