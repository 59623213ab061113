package simulator

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// CallbackDelivery is the record of one callback.
type CallbackDelivery struct {
	TaskID   int64    // whose callback it is
	Number   int      // from 1, in the order of the task's script
	Callback Callback // as scripted, or as it is by the CallbackFaults
	Repeat   bool     // whether the task has an earlier genuine one, and this is another

	URL  string // the address that it was posted to
	ID   int64  // what was posted as id
	Code string // what was posted as code

	Ended    time.Time // when its task ended, or was still to end
	Due      time.Time // when it was to be sent
	Sent     time.Time // when its request began, or it was lost; zero while it is held back
	Finished time.Time // when its answer had come, or it had failed; zero until then

	HTTPStatus int    // of its answer; 0 while there is none
	Error      string // why there is no answer; "" if there is one, or if the callback is lost
}

// Callbacks returns a copy of the records of all callbacks that were due since Start, in the order
// in which they were due.
func (s *Server) Callbacks() []CallbackDelivery {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.callbacks)
}

// CallbacksFor returns a copy of the records of a task's callbacks that were due, in the order in
// which they were due.
func (s *Server) CallbacksFor(taskID int64) []CallbackDelivery {
	return slices.DeleteFunc(s.Callbacks(), func(d CallbackDelivery) bool { return d.TaskID != taskID })
}

// WaitForCallbacks returns once this many callbacks of a task have been answered, have failed, or
// were lost, since Start. It returns an error if the context is done or the server is closed before
// that.
func (s *Server) WaitForCallbacks(ctx context.Context, taskID int64, n int) error {
	return s.wait(ctx, taskID, n, "callbacks", func() int { return s.callbacksFinished[taskID] })
}

// heldCallback is a callback that waits to be overtaken.
type heldCallback struct {
	taskID   int64
	released chan struct{}
}

// sendWhenDue sends a callback after this time, unless the server closes before that.
func (s *Server) sendWhenDue(after time.Duration, delivery CallbackDelivery) {
	if !s.pause(s.context, after) {
		return
	}
	number, released := s.due(delivery)
	select {
	case <-released:
	case <-s.closing:
		return
	}
	s.record(number, func(d *CallbackDelivery) { d.Sent = s.options.Clock() })
	var status int
	var problem string
	if delivery.Callback.Kind != Lost {
		status, problem = s.post(delivery)
	}
	s.record(number, func(d *CallbackDelivery) {
		d.Finished, d.HTTPStatus, d.Error = s.options.Clock(), status, problem
		s.callbacksFinished[d.TaskID]++
		if d.Callback.Kind != Lost {
			s.releaseOvertaken(d.TaskID)
		}
	})
}

// due begins the record of a callback and returns its number. The callback may be sent once the
// channel is closed.
func (s *Server) due(delivery CallbackDelivery) (number int, released <-chan struct{}) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delivery.Due = s.options.Clock()
	s.callbacks = append(s.callbacks, delivery)
	held := heldCallback{taskID: delivery.TaskID, released: make(chan struct{})}
	if delivery.Callback.Overtaken {
		s.held = append(s.held, held)
	} else {
		close(held.released)
	}
	return len(s.callbacks) - 1, held.released
}

// record notes what became of a callback.
func (s *Server) record(number int, note func(*CallbackDelivery)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	note(&s.callbacks[number])
	s.announce()
}

// releaseOvertaken releases the last callback of another task that was held back; that one releases
// the next. The mutex must be held.
func (s *Server) releaseOvertaken(by int64) {
	for i := len(s.held) - 1; i >= 0; i-- {
		if s.held[i].taskID != by {
			close(s.held[i].released)
			s.held = slices.Delete(s.held, i, i+1)
			return
		}
	}
}

// post returns the status of the answer, or why there is none.
func (s *Server) post(delivery CallbackDelivery) (status int, problem string) {
	form := fmt.Sprintf("id=%d&code=%s", delivery.ID, url.QueryEscape(delivery.Code))
	request, err := http.NewRequestWithContext(s.context, http.MethodPost, delivery.URL, strings.NewReader(form))
	if err != nil {
		return 0, err.Error()
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := s.callbackClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	// Nobody needs the body. It is read so that the endpoint can finish its answer.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxRequestBytes))
	return response.StatusCode, ""
}
