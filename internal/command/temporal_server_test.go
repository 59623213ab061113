package command_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// compressions takes how the requests to a server are compressed.
type compressions chan string

func (c compressions) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (c compressions) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (c compressions) HandleConn(context.Context, stats.ConnStats)                       {}

func (c compressions) HandleRPC(_ context.Context, event stats.RPCStats) {
	if header, ok := event.(*stats.InHeader); ok {
		c <- header.Compression
	}
}

func TestWorkerDoesNotCompressItsRequests(t *testing.T) {
	t.Parallel()
	for compression, optionsOf := range map[string]func(command.Environment) (client.Options, error){
		"": command.WorkerClientOptions, "gzip": command.ClientOptions,
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		requests := make(compressions, 100)
		server := grpc.NewServer(grpc.StatsHandler(requests), grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
			return status.Error(codes.Unimplemented, "")
		}))
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(server.Stop)
		options, err := optionsOf(withoutFile("TEMPORAL_ADDRESS=" + listener.Addr().String()))
		require.NoError(t, err)
		temporalClient, err := client.NewLazyClient(options)
		require.NoError(t, err)
		t.Cleanup(temporalClient.Close)

		err = temporalClient.SignalWorkflow(t.Context(), "id", "", "signal", nil)

		require.Error(t, err)
		require.NotEmpty(t, requests)
		for range len(requests) {
			require.Equal(t, compression, <-requests)
		}
	}
}
