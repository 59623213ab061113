package workflows_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/gobconverter"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// mirror is a codec that reverses bytes. It leaves alone what it has not encoded, or returns
// decodeError if that is set.
type mirror struct{ decodeError error }

func (mirror) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	encoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		data, err := proto.Marshal(payload)
		if err != nil {
			return nil, err
		}
		encoded[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte("binary/mirrored")}, Data: reversed(data),
		}
	}
	return encoded, nil
}

func (m mirror) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		decoded[i] = payload
		if string(payload.GetMetadata()[converter.MetadataEncoding]) != "binary/mirrored" {
			if m.decodeError != nil {
				return nil, m.decodeError
			}
			continue
		}
		decoded[i] = new(commonpb.Payload)
		if err := proto.Unmarshal(reversed(payload.GetData()), decoded[i]); err != nil {
			return nil, err
		}
	}
	return decoded, nil
}

func reversed(data []byte) []byte {
	data = bytes.Clone(data)
	for i, j := 0, len(data)-1; i < j; i, j = i+1, j-1 {
		data[i], data[j] = data[j], data[i]
	}
	return data
}

// A client and a worker that agree on another encoding start a wait, continue it as new, and get
// its result.
func TestWaitInAnotherEncoding(t *testing.T) {
	t.Parallel()
	for name, dataConverter := range map[string]converter.DataConverter{
		"gob":              gobconverter.New(),
		"gob, and a codec": converter.NewCodecDataConverter(gobconverter.New(), mirror{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := newEnvironment(t)
			first.SetDataConverter(dataConverter)
			first.service.Script(taskID)
			first.suggestContinueAsNewAtPoll(2)

			_, err := first.awaitInput(workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: 6 * time.Second,
				PollInterval: 7 * time.Second, Timeout: time.Hour})

			requireContinued(t, err)
			require.Equal(t, inSeconds(6), first.requestTimes(taskID)[0])
			require.GreaterOrEqual(t, first.requestTimes(taskID)[1], inSeconds(13))

			next, input := first.nextRun()
			next.SetDataConverter(dataConverter)
			require.NoError(t, dataConverter.FromPayload(input.Payload(), &input))
			next.service.Script(taskID, simulator.Ready(solution))
			next.after(time.Second, func() {
				status := next.status()
				require.Equal(t, 2, status.Polls)
				require.Equal(t, first.start.Add(time.Hour), *status.Deadline)
			})
			out, err := next.awaitInput(input)

			require.NoError(t, err)
			require.Equal(t, 3, out.Polls)
			require.JSONEq(t, solution, string(out.Solution))
		})
	}
}

// The activities' inputs and results are in that encoding too.
func TestEachPollingInAnotherEncoding(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.SetDataConverter(gobconverter.New())
		e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		require.Equal(t, 2, out.Polls)
		require.JSONEq(t, solution, string(out.Solution))
	})
}

func TestCallbackInAnotherEncoding(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.SetDataConverter(gobconverter.New())
	e.service.Script(taskID, simulator.Ready(solution))
	e.callAfter(6*time.Second, workflows.TaskCallback{TaskID: taskID + 1})
	e.callAfter(7*time.Second, "foreign")
	e.callAfter(8*time.Second, workflows.TaskCallback{TaskID: taskID})

	_, err := e.await(withCallback)

	require.NoError(t, err)
	require.Equal(t, seconds(8), e.requestTimes(taskID))
}

// What the converter decodes is checked as every input is.
func TestInvalidInputInAnotherEncoding(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		input   any
		message string
	}{
		"no task":          {workflows.AwaitTaskResultInput{Timeout: time.Minute}, "taskId is missing"},
		"a short interval": {workflows.AwaitTaskResultInput{TaskID: 5, PollInterval: time.Second}, "pollInterval is 1s"},
		"another type": {"74372499131", `the input is encoded as "binary/gob": it takes json/plain, ` +
			`or an encoding that the worker's data converter decodes`},
		"nil": {nil, "there is no input"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.SetDataConverter(gobconverter.New())

			_, err := e.awaitInput(test.input)

			requireInvalidInput(t, applicationError(t, err))
			require.ErrorContains(t, err, test.message)
			require.Empty(t, e.service.Requests())
		})
	}
}

// JSON needs no converter, so that the CLI and the Web UI can start a wait on such a worker too.
func TestJSONForAWorkerWithAnotherEncoding(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.SetDataConverter(gobconverter.New())
	e.service.Script(taskID, simulator.Ready(solution))

	_, err := e.awaitInput(jsonPayload(`{"taskId": 74372499131}`))

	require.NoError(t, err)
}

// A codec that can't be reached has the workflow task repeated: the wait is not over.
func TestCodecThatFailsTheWorkflowTask(t *testing.T) {
	t.Parallel()
	unreachable := converter.NewWorkflowTaskFailureError(errors.New("the codec can't be reached"))
	e := newEnvironment(t)
	e.SetDataConverter(converter.NewCodecDataConverter(gobconverter.New(), mirror{decodeError: unreachable}))

	_, err := e.awaitInput(workflows.AwaitTaskResultInput{TaskID: taskID})

	require.NotEqual(t, activities.ErrorTypeInvalidInput, workflows.ErrorCode(err))
	require.ErrorAs(t, err, new(*converter.WorkflowTaskFailureError))
}
