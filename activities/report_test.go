package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

func TestReports(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"reportCorrect", "reportIncorrect"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, nil)
			s.service.Script(taskID, simulator.Ready(`"8"`))

			value, err := s.ExecuteActivity(method, rawJSON(`{"taskId":74372499131}`))

			require.NoError(t, err)
			var properties map[string]any
			require.NoError(t, value.Get(&properties))
			require.Equal(t, map[string]any{"taskId": float64(taskID), "status": "success"}, properties)
			require.Equal(t, "/"+method, s.service.Requests()[0].Path)

			_, err = s.ExecuteActivity(method, activities.ReportInput{TaskID: taskID})
			failure := applicationError(t, err)
			require.Equal(t, "ERROR_DUPLICATE_REPORT", failure.Type(), "the service's code, at once: 5 s are between polls alone")
			require.True(t, failure.NonRetryable())
			require.Equal(t, taskID, errorDetails(t, failure).TaskID)
			require.Contains(t, failure.Message(), "task 74372499131: "+method+": ERROR_DUPLICATE_REPORT")

			_, err = s.ExecuteActivity(method, activities.ReportInput{TaskID: 5})
			require.Equal(t, "ERROR_NO_SUCH_CAPCHA_ID", applicationError(t, err).Type())
		})
	}
}

// The distance of 5 seconds is between requests for a task's result.
func TestReportRightAfterThePoll(t *testing.T) {
	t.Parallel()
	var wall clock
	e := newEnvironmentOf(t, []activities.Option{activities.WithClock(wall.Now)})
	e.service.Script(taskID, simulator.Ready(`"8"`))
	_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})
	require.NoError(t, err)
	_, err = e.ExecuteActivity("reportCorrect", activities.ReportInput{TaskID: taskID})
	require.NoError(t, err)
}

func TestInputsThatReportsRefuse(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"reportCorrect", "reportIncorrect"} {
		for _, input := range []string{`null`, `5`, `"5"`, `{}`, `{"taskId":"5"}`, `{"taskId":0}`, `{"taskId":-5}`, `{"taskId":5.5}`} {
			s := newShop(t, nil)
			_, err := s.ExecuteActivity(method, rawJSON(input))
			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeInvalidInput, failure.Type(), input)
			require.True(t, failure.NonRetryable())
			require.Empty(t, s.service.Requests())
		}
	}
}
