package activities

import (
	"testing"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func BenchmarkClassify(b *testing.B) {
	for name, err := range map[string]error{
		"verdict": &twocaptcha.ServiceError{Method: "getTaskResult", TaskID: 74372499131, ErrorID: 12, Code: twocaptcha.ErrorCaptchaUnsolvable,
			Description: "Workers could not solve the Captcha", HTTPStatus: 200},
		"transient": &twocaptcha.TransportError{Method: "getTaskResult", TaskID: 74372499131, Reason: twocaptcha.ReasonStatus, HTTPStatus: 503,
			Detail: "HTTP status 503 (Service Unavailable) with an empty body"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if (failure{method: GetTaskResultActivity, details: ErrorDetails{TaskID: 74372499131}}).classify(err) == nil {
					b.Fatal("no error")
				}
			}
		})
	}
}
