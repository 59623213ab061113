package workflows_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/provider"
)

// BenchmarkReplay runs the workflow's code over recorded histories, as a worker does that has lost
// its cache. The difference of the two is what two polls take.
func BenchmarkReplay(b *testing.B) {
	for _, name := range []string{"ready-at-first-poll", "ready-at-third-poll"} {
		b.Run(name, func(b *testing.B) {
			file, err := os.Open("testdata/histories/0.1.0/" + name + ".json")
			require.NoError(b, err)
			defer file.Close()
			history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
			require.NoError(b, err)
			plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey})
			require.NoError(b, err)
			replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Plugins: []worker.Plugin{plugin}})
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if err := replayer.ReplayWorkflowHistory(discard, history); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
