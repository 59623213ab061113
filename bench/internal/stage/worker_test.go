package stage

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTuningReachesTheWorkersOptions(t *testing.T) {
	t.Parallel()
	options := Tuning{WorkflowTaskSlots: 2, ActivitySlots: 3, WorkflowPollers: 4, ActivityPollers: 5}.options()
	require.Equal(t, 2, options.MaxConcurrentWorkflowTaskExecutionSize)
	require.Equal(t, 3, options.MaxConcurrentActivityExecutionSize)
	require.Equal(t, 4, options.MaxConcurrentWorkflowTaskPollers)
	require.Equal(t, 5, options.MaxConcurrentActivityTaskPollers)
}
