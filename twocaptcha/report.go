package twocaptcha

import "context"

// StatusSuccess is the status of a report that the service has taken.
const StatusSuccess = "success"

// ReportResult is the service's answer to reportCorrect and reportIncorrect.
type ReportResult struct {
	// Status is StatusSuccess.
	Status string `json:"status"`
}

// ReportCorrect tells the service that a task's solution was right. The service takes one report
// for a task, within 15 minutes. The error, if any, is a [*ServiceError] or a [*TransportError].
// After a lost answer, a second report may be refused because the first one was taken.
//
// https://2captcha.com/api-docs/report-correct
func (c *Client) ReportCorrect(ctx context.Context, taskID int64) (*ReportResult, error) {
	return c.report(ctx, "reportCorrect", taskID)
}

// ReportIncorrect tells the service that a task's solution was wrong. Otherwise it is as
// [Client.ReportCorrect].
//
// https://2captcha.com/api-docs/report-incorrect
func (c *Client) ReportIncorrect(ctx context.Context, taskID int64) (*ReportResult, error) {
	return c.report(ctx, "reportIncorrect", taskID)
}

func (c *Client) report(ctx context.Context, method string, taskID int64) (*ReportResult, error) {
	return call(ctx, c, request{method: method, taskID: taskID, body: keyAndTask(taskID)}, readReport)
}

func readReport(properties object, hidden secrets) reading[ReportResult] {
	switch status := properties.text("status"); status {
	case StatusSuccess:
		return reading[ReportResult]{result: ReportResult{Status: status}}
	case "":
		return reading[ReportResult]{oddity: "no status"}
	default:
		return reading[ReportResult]{oddity: `status "` + untrusted(status, hidden, maxExcerpt) + `"`}
	}
}
