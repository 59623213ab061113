package twocaptcha_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	inAnHour := time.Now().Add(time.Hour).UTC()
	for value, expected := range map[string]struct{ least, most time.Duration }{
		"":                                      {0, 0},
		"0":                                     {0, 0},
		"7":                                     {7 * time.Second, 7 * time.Second},
		" 120 ":                                 {2 * time.Minute, 2 * time.Minute},
		"-5":                                    {0, 0},
		"+5":                                    {0, 0},
		"1.5":                                   {0, 0},
		"soon":                                  {0, 0},
		"5s":                                    {0, 0},
		"86401":                                 {day, day},
		"9223372036":                            {day, day},
		"9223372037":                            {day, day},
		"18446744073709551616":                  {day, day},
		longText("9", 5000):                     {day, day},
		inAnHour.Format(http.TimeFormat):        {59 * time.Minute, time.Hour},
		inAnHour.Format(time.ANSIC):             {59 * time.Minute, time.Hour},
		"Fri, 31 Dec 9999 23:59:59 GMT":         {day, day},
		"Mon, 01 Jan 0001 00:00:00 GMT":         {0, 0},
		"Tue, 01 Feb 2000 00:00:00 GMT":         {0, 0},
		"Mon, 99 Jan 2000 00:00:00 GMT" + "\t1": {0, 0},
	} {
		for _, body := range []string{"busy", `{"errorId":2,"errorCode":"ERROR_NO_SLOT_AVAILABLE"}`} {
			server := startService(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", value)
				w.WriteHeader(http.StatusTooManyRequests)
				_, _ = w.Write([]byte(body))
			})
			_, err := newClient(t, server.URL).GetTaskResult(t.Context(), taskID)
			var actual time.Duration
			if body == "busy" {
				actual = requireTransportError(t, err, twocaptcha.ReasonStatus).RetryAfter
			} else {
				actual = requireServiceError(t, err).RetryAfter
			}
			require.GreaterOrEqual(t, actual, expected.least, "Retry-After: %s", value)
			require.LessOrEqual(t, actual, expected.most, "Retry-After: %s", value)
		}
	}
}
