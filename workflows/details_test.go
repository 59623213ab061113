package workflows_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestDetails(t *testing.T) {
	t.Parallel()
	details := workflows.ErrorDetails{TaskID: taskID, ErrorID: 12, ErrorCode: "ERROR_CAPTCHA_UNSOLVABLE", Polls: 3}
	unsolvable := temporal.NewNonRetryableApplicationError("workers could not", "ERROR_CAPTCHA_UNSOLVABLE", nil, details)
	operation := func(cause error) error {
		converter := temporal.GetDefaultFailureConverter()
		return converter.FailureToError(&failurepb.Failure{Cause: converter.ErrorToFailure(cause),
			FailureInfo: &failurepb.Failure_NexusOperationExecutionFailureInfo{
				NexusOperationExecutionFailureInfo: &failurepb.NexusOperationFailureInfo{}}})
	}
	for name, err := range map[string]error{
		"operation":                operation(unsolvable),
		"operation, newer servers": operation(temporal.NewApplicationErrorWithCause("", "OperationError", unsolvable)),
		"refused operation": operation(&nexus.HandlerError{
			Type: nexus.HandlerErrorTypeBadRequest, Message: "refused", Cause: unsolvable,
		}),
		"canceled operation": operation(temporal.NewCanceledError(details)),
		"itself":             unsolvable,
		"wrapped":            fmt.Errorf("task 5: %w", unsolvable),
		"joined":             errors.Join(errors.New("any"), unsolvable),
		"to a client":        clientError(t, unsolvable),
		"canceled":           temporal.NewCanceledError(details),
	} {
		got, ok := workflows.Details(err)
		require.True(t, ok, name)
		require.Equal(t, details, got, name)
	}
	for name, err := range map[string]error{
		"nil":                       nil,
		"any":                       errors.New("any"),
		"canceled":                  temporal.NewCanceledError(),
		"without details":           temporal.NewNonRetryableApplicationError("odd", "Odd", nil),
		"details of another kind":   temporal.NewNonRetryableApplicationError("odd", "Odd", nil, "a text"),
		"of an earlier attempt":     temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, unsolvable),
		"below one without details": temporal.NewApplicationErrorWithCause("odd", "Odd", unsolvable),
	} {
		got, ok := workflows.Details(err)
		require.False(t, ok, name)
		require.Zero(t, got, name)
	}
}
