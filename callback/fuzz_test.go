package callback_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// FuzzHandler sends anything to addresses that the secret has made and to others, and checks what
// holds for every request.
func FuzzHandler(f *testing.F) {
	const ofTask, ofWorkflow = "task.AAECAwQFBgcICQoLDA0ODw", "workflow.b3JkZXItNw"
	const ofSubmission = "submission.MQBvcmRlci03" // "1" of order-7
	for _, text := range []string{"", ofTask, ofWorkflow, ofSubmission, "submission.AAA", "activity.b3JkZXItNw", "task", "workflow."} {
		for _, body := range []string{"id=81555263943&code=ANSWER", "id=5&id=6", "%69d=%zz", "code=x;id=5&&=&id", `{"taskId":5}`, ""} {
			f.Add(http.MethodPost, "/2captcha/", text, true, []byte(body))
			f.Add(http.MethodGet, "/2captcha.txt", text, false, []byte(body))
		}
	}
	const proof = "a-token-of-the-service"
	handler, server := newHandler(f, func(o *callback.Options) { o.DomainToken = proof })

	f.Fuzz(func(t *testing.T, method, prefix, text string, rightMAC bool, body []byte) {
		server.forget()
		token := text
		if rightMAC {
			token = signed(text)
		}
		request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
		request.Method, request.URL = method, &url.URL{Path: prefix + token}
		recorder := answer(handler, request)

		segment := request.URL.Path[strings.LastIndexByte(request.URL.Path, '/')+1:]
		genuine := segment == signed(ofTask) || segment == signed(ofWorkflow) || rightMAC && segment == token &&
			(strings.HasPrefix(text, "task.") || strings.HasPrefix(text, "workflow.") || strings.HasPrefix(text, "submission."))
		switch {
		case segment == "2captcha.txt":
			require.Contains(t, []int{200, 405}, recorder.Code)
			require.Empty(t, server.got())
			return
		case !genuine:
			require.Equal(t, http.StatusNotFound, recorder.Code)
			require.Empty(t, server.got(), "without a right MAC")
			return
		}
		require.Contains(t, []int{200, 400, 404, 405, 413}, recorder.Code)
		require.Less(t, recorder.Body.Len(), 50)
		require.NotContains(t, recorder.Body.String(), proof)
		if recorder.Code != http.StatusOK {
			require.Empty(t, server.got())
			return
		}
		require.Len(t, server.got(), 1)
		if strings.HasPrefix(segment, "submission.") {
			require.Contains(t, []string{http.MethodPost, http.MethodGet}, method)
			call := server.got()[0].payload.(workflows.TaskCallback)
			require.NotEmpty(t, call.Submission)
			require.GreaterOrEqual(t, call.TaskID, int64(0))
			return
		}
		require.Equal(t, http.MethodPost, method)
		taskID := server.got()[0].payload.(workflows.TaskCallback).TaskID
		require.Positive(t, taskID)
		if strings.HasPrefix(segment, "task.") {
			require.Equal(t, wakeUp(workflows.WorkflowID(taskID), taskID), server.got()[0])
		}
		if segment == signed(ofWorkflow) {
			require.Equal(t, wakeUp("order-7", taskID), server.got()[0])
		}
		if form, err := url.ParseQuery(string(body)); err == nil {
			require.NotEmpty(t, form["id"])
			for _, id := range form["id"] {
				require.Equal(t, strconv.FormatInt(taskID, 10), strings.TrimLeft(id, "0"))
			}
		}
	})
}
