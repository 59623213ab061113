package twocaptcha

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const benchmarkKey = "0123456789abcdef0123456789abcdef"

// benchmarkAnswers are those that a wait meets, and the largest one.
var benchmarkAnswers = []struct{ name, body string }{
	{"processing", `{"errorId":0,"status":"processing"}`},
	{"ready", `{"errorId":0,"status":"ready","solution":{"gRecaptchaResponse":"` + strings.Repeat("03AFcWeA", 64) + `"},` +
		`"cost":"0.00299","ip":"1.2.3.4","createTime":1692863536,"endTime":1692863556,"solveCount":1}`},
	{"unsolvable", `{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"Workers could not solve the Captcha"}`},
	{"ready with 255 KiB", `{"errorId":0,"status":"ready","solution":{"image":"` + strings.Repeat("A", 255<<10) + `"}}`},
}

func BenchmarkDecode(b *testing.B) {
	for _, test := range benchmarkAnswers {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(test.body)))
			for b.Loop() {
				got := &answer{status: http.StatusOK, body: []byte(test.body)}
				result, err := decode(got, request{method: "getTaskResult", taskID: 74372499131}, secrets{keys: []string{benchmarkKey}}, readTaskResult)
				if (result == nil) == (err == nil) {
					b.Fatal("neither result nor error")
				}
			}
		})
	}
}

// BenchmarkGetTaskResult has the request and the service's part in it, over one connection.
func BenchmarkGetTaskResult(b *testing.B) {
	for _, test := range benchmarkAnswers {
		b.Run(test.name, func(b *testing.B) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = fmt.Fprint(w, test.body)
			}))
			defer server.Close()
			client, err := NewClient(Options{ClientKey: benchmarkKey, URL: server.URL})
			require.NoError(b, err)
			defer client.CloseIdleConnections()
			b.ReportAllocs()
			for b.Loop() {
				if result, err := client.GetTaskResult(b.Context(), 74372499131); (result == nil) == (err == nil) {
					b.Fatal("neither result nor error")
				}
			}
		})
	}
}
