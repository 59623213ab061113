package twocaptchatest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

func TestClientKeyIsRequired(t *testing.T) {
	t.Parallel()
	_, err := twocaptchatest.Start(twocaptchatest.Options{})
	require.EqualError(t, err, "fake 2captcha: no ClientKey: set the key that the server is to accept")
}

func TestServerIsAsStrictAsTheService(t *testing.T) {
	t.Parallel()
	server := start(t, twocaptchatest.Options{})
	server.Script(7, twocaptchatest.Ready(`{}`))
	for range 5 {
		_, _, err := post(t, server, "/getTaskResult", `{"clientKey":"wrong","taskId":7}`)
		require.NoError(t, err)
	}
	_, body, err := post(t, server, "/getTaskResult", askFor7)
	require.NoError(t, err)
	require.Contains(t, body, "ERROR_IP_BLOCKED")
	requests := server.Requests()
	require.Equal(t, "wrong client key", requests[4].Refused)
	require.Equal(t, "banned for 5 requests with a wrong key", requests[5].Refused)
}

func TestCreateTask(t *testing.T) {
	t.Parallel()
	const task = `{"type":"TextCaptchaTask", "comment":"2+2?"}`
	asked := make(chan twocaptchatest.NewTask, 1)
	server := start(t, twocaptchatest.Options{NewTask: func(task twocaptchatest.NewTask) twocaptchatest.Submission {
		asked <- task
		return twocaptchatest.Submission{Answers: []twocaptchatest.Answer{twocaptchatest.Ready(`"4"`)}}
	}})

	_, body, err := post(t, server, "/createTask",
		`{"clientKey":"`+clientKey+`","task":`+task+`,"languagePool":"rn","softId":9}`)

	require.NoError(t, err)
	require.Equal(t, `{"errorId":0,"taskId":72345678901}`, body)
	require.Equal(t, twocaptchatest.NewTask{
		Type: "TextCaptchaTask", Task: []byte(task), LanguagePool: "rn", SoftID: 9,
	}, <-asked)
	request := server.Requests()[0]
	require.Equal(t, int64(72345678901), request.Created)
	require.Equal(t, "created", request.Answer)
}

func TestWaitForRequestsEndsWithItsContextAndWithTheServer(t *testing.T) {
	t.Parallel()
	server := start(t, twocaptchatest.Options{})
	ended, end := context.WithCancel(t.Context())
	end()
	require.EqualError(t, server.WaitForRequests(ended, 7, 1),
		"fake 2captcha: 0 of 1 requests for task 7: context canceled")
	server.Close()
	require.EqualError(t, server.WaitForRequests(t.Context(), 7, 1),
		"fake 2captcha: closed with 0 of 1 requests for task 7")
	require.Empty(t, server.Requests())
}
