package activities

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/log"
)

func quietly() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

func TestReportIsRepeatedForADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, last, longest := time.Now(), time.Now(), time.Duration(0)
		taken := reporting{ctx: t.Context(), time: reportingTime, logger: quietly()}.untilTaken("it", func(context.Context) error {
			longest, last = max(longest, time.Since(last)), time.Now()
			return serviceerror.NewUnavailable("away")
		})
		require.False(t, taken)
		require.Equal(t, 24*time.Hour, time.Since(began))
		require.Equal(t, 5*time.Second, longest, "a workflow that does not know its outcome waits for a minute")
	})
}

func TestReportThatHangsIsGivenUpAndRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, reports := time.Now(), 0
		taken := reporting{ctx: t.Context(), time: reportingTime, logger: quietly()}.untilTaken("it", func(ctx context.Context) error {
			if reports++; reports == 3 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		require.True(t, taken)
		require.Equal(t, 10*time.Second+1*time.Second+10*time.Second+2*time.Second, time.Since(began))
	})
}

func TestReportEndsSoonAfterTheWorkerStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stopped := make(chan struct{})
		time.AfterFunc(time.Hour, func() { close(stopped) })
		began, lastBefore, reports := time.Now(), time.Time{}, 0
		taken := reporting{ctx: t.Context(), time: reportingTime, stopped: stopped, logger: quietly()}.untilTaken("it", func(context.Context) error {
			lastBefore = time.Now()
			reports++
			return serviceerror.NewUnavailable("away")
		})
		require.False(t, taken)
		require.Equal(t, time.Hour+time.Minute, time.Since(began))
		require.Greater(t, lastBefore.Sub(began), time.Hour+50*time.Second, "it goes on while the process lives")
		require.Less(t, reports, 1000)
	})
}

func TestErrorsThatEndAReport(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		ends bool
	}{
		"not found":         {serviceerror.NewNotFound("gone"), true},
		"no namespace":      {serviceerror.NewNamespaceNotFound("gone"), true},
		"not acceptable":    {serviceerror.NewInvalidArgument("too large"), true},
		"wrapped":           {fmt.Errorf("interceptor: %w", serviceerror.NewNotFound("gone")), true},
		"unavailable":       {serviceerror.NewUnavailable("away"), false},
		"no permission now": {serviceerror.NewPermissionDenied("the certificate has expired", ""), false},
		"a limit":           {serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, "slow"), false},
		"no answer in time": {context.DeadlineExceeded, false},
		"a codec's error":   {fmt.Errorf("the codec server is away"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				reports := 0
				taken := reporting{ctx: t.Context(), time: reportingTime, logger: quietly()}.untilTaken("it", func(context.Context) error {
					if reports++; reports == 1 {
						return test.err
					}
					return nil
				})
				require.Equal(t, !test.ends, taken)
			})
		})
	}
}
