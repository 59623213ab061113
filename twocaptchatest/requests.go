package twocaptchatest

import (
	"context"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// Request is the record of one request. It never holds the client key.
type Request struct {
	Path    string    // /getTaskResult, /createTask, or whatever else was asked for
	TaskID  int64     // the task whose result was asked for; 0 if none could be read
	Created int64     // the task that createTask made; 0 for other requests
	Arrived time.Time // by [Options.Clock]

	// Answer names the answer: see [Answer.String]. An accepted createTask is "created". It is
	// empty until the answer is chosen.
	Answer string

	// HTTPStatus is the answer's status. It is 0 until the answer is chosen, and for a connection
	// that was closed without an answer.
	HTTPStatus int

	// Refused says why the request was not accepted: what is malformed, a wrong key, a ban. It is
	// empty if the request was accepted.
	Refused string
}

// Requests returns the records of all requests since Start, in order of arrival.
func (s *Server) Requests() []Request { return records(s.engine.Requests()) }

// RequestsFor returns the records of all requests for a task's result, in order of arrival.
func (s *Server) RequestsFor(taskID int64) []Request {
	return records(s.engine.RequestsFor(taskID))
}

// WaitForRequests returns once n requests for a task's result have arrived since Start. It returns
// an error if ctx is done or the server is closed before that.
func (s *Server) WaitForRequests(ctx context.Context, taskID int64, n int) error {
	return s.engine.WaitForRequests(ctx, taskID, n)
}

func records(requests []simulator.Request) []Request {
	converted := make([]Request, len(requests))
	for i, request := range requests {
		converted[i] = Request{
			Path:       request.Path,
			TaskID:     request.TaskID,
			Created:    request.Created,
			Arrived:    request.Arrived,
			Answer:     request.Answer,
			HTTPStatus: request.HTTPStatus,
			Refused:    request.Refused,
		}
	}
	return converted
}
