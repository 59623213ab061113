package callback_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

// signed is a token whose MAC is right, whatever is before it.
func signed(text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestUnknownAddresses(t *testing.T) {
	t.Parallel()
	task, workflow := taskToken(t), workflowToken(t, "order-7")
	taskText := task[:strings.LastIndexByte(task, '.')]
	taskMAC, workflowMAC := strings.TrimPrefix(task, taskText), strings.TrimPrefix(workflow, "workflow.b3JkZXItNw")
	others, err := callback.URL(base, "another secret of 32 random byte")
	require.NoError(t, err)
	for name, path := range map[string]string{
		"nothing":                       "/",
		"a word":                        "/callback",
		"dots":                          "/..x..",
		"no MAC":                        "/" + taskText,
		"an empty MAC":                  "/" + taskText + ".",
		"the MAC alone":                 "/" + strings.TrimPrefix(taskMAC, "."),
		"an empty text":                 "/" + taskMAC,
		"half a MAC":                    "/" + task[:len(task)-20],
		"a longer MAC":                  "/" + task + "A",
		"padding":                       "/" + task + "=",
		"a line end":                    "/" + task + "%0A",
		"a slash after":                 "/" + task + "/",
		"a segment after":               "/" + task + "/x",
		"a token in the query":          "/?" + task,
		"a prefix":                      "/x" + task,
		"upper case":                    "/" + strings.ToUpper(task),
		"another secret":                "/" + strings.TrimPrefix(others, base+"/"),
		"another's MAC":                 "/" + taskText + workflowMAC,
		"a nonce as a workflow":         "/" + strings.Replace(task, "task.", "workflow.", 1),
		"a workflow as a nonce":         "/" + strings.Replace(workflow, "workflow.", "task.", 1),
		"no kind":                       "/" + strings.TrimPrefix(workflow, "workflow."),
		"an unknown kind":               "/" + signed("activity.b3JkZXItNw"),
		"a right MAC of nothing":        "/" + signed(""),
		"a right MAC of no payload's":   "/" + signed("workflow"),
		"a right MAC of invalid base64": "/" + signed("workflow.b3JkZX*"),
		"a right MAC, and too long":     "/" + signed("workflow."+strings.Repeat("A", 1335)),
		"megabytes":                     "/" + signed("workflow."+strings.Repeat("A", 3<<20)),
		"no domain proof is configured": "/2captcha.txt",
	} {
		handler, server := newHandler(t)
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodPut} {
			request := httptest.NewRequest(method, path, unread{t})
			recorder := answer(handler, request)
			require.Equal(t, http.StatusNotFound, recorder.Code, "%s %s", method, name)
			require.Equal(t, "not found\n", recorder.Body.String())
		}
		require.Empty(t, server.got(), name)
	}
}

// unread is a body that must not be read: a sender without an address of ours is not worth it.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestEveryByteOfATokenCounts(t *testing.T) {
	t.Parallel()
	handler, server := newHandler(t)
	for _, token := range []string{taskToken(t), workflowToken(t, "order-7")} {
		for index := range len(token) {
			for _, bit := range []byte{1, 2, 4, 8, 16, 32, 64, 128} {
				flipped := []byte(token)
				flipped[index] ^= bit
				request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("id=5"))
				request.URL.Path = "/" + string(flipped)
				require.Equal(t, http.StatusNotFound, answer(handler, request).Code, "%s for %s", flipped, token)
			}
			require.Equal(t, http.StatusNotFound, post(handler, "/"+token[:index]+token[index+1:], "id=5").Code)
		}
	}
	require.Empty(t, server.got())
}
