package simulator

import (
	"strings"
	"time"
)

// readySoon is what becomes of a task by default.
func readySoon(task NewTask) Submission {
	return Submission{Answers: []Answer{ReadyAfter(time.Second, solutionOf(task.Type))}}
}

// solutionOf has the properties that the service's pages show for the type. With and without a
// proxy, a type has the same.
func solutionOf(taskType string) string {
	switch strings.TrimSuffix(taskType, "Proxyless") {
	case "RecaptchaV2Task", "RecaptchaV2EnterpriseTask", "RecaptchaV3Task":
		return `{"gRecaptchaResponse":"03ADUVZwFakeAnswer","token":"03ADUVZwFakeAnswer"}`
	case "HCaptchaTask":
		return `{"token":"P1_eyJFakeAnswer","respKey":"E0_eyJFakeAnswer","userAgent":"Mozilla/5.0 (a fake)",` +
			`"gRecaptchaResponse":"P1_eyJFakeAnswer"}`
	case "TurnstileTask":
		return `{"token":"0.zrSnRHO7FakeAnswer","userAgent":"Mozilla/5.0 (a fake)"}`
	}
	return `{"text":"hello world"}`
}
