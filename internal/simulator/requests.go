package simulator

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Request is the record of one request. It never holds the client key.
type Request struct {
	TaskID      int64 // of getTaskResult; 0 if none could be read
	TaskRequest int   // counts the requests for its task, from 1; 0 without a task id
	Created     int64 // the task that it made, of createTask; else 0
	Reported    int64 // the task that it reports on, of reportCorrect and reportIncorrect; else 0

	Method      string // of HTTP
	Path        string
	Host        string // that the client called, such as 127.0.0.1:41234
	UserAgent   string
	ContentType string
	KeyRight    bool // whether it carried the client key that the server accepts

	Arrived  time.Time // when its headers had been read
	Finished time.Time // when its answer was about to end, or the client had gone; zero until then

	Answer     string // the answer's short name, see Answer.String; "" until it is chosen
	HTTPStatus int    // of the answer; 0 until it is chosen, or if there is none
	Faulted    bool   // whether the answer is one of the Faults
	Refused    string // why it was not accepted: malformed, a wrong key, a ban; "" if it was
}

// Requests returns a copy of the records of all requests since Start, in order of arrival.
func (s *Server) Requests() []Request {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.requests)
}

// RequestsFor returns a copy of the records of all requests for a task, in order of arrival.
func (s *Server) RequestsFor(taskID int64) []Request {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var requests []Request
	for _, number := range s.trafficFor(taskID).numbers {
		requests = append(requests, s.requests[number])
	}
	return requests
}

// WaitForRequests returns once this many requests for a task have arrived since Start. It returns
// an error if the context is done or the server is closed before that.
func (s *Server) WaitForRequests(ctx context.Context, taskID int64, n int) error {
	return s.wait(ctx, taskID, n, "requests", func() int { return len(s.trafficFor(taskID).numbers) })
}

// WaitForAnswers returns once the answers to this many requests for a task were finished since
// Start. It returns an error if the context is done or the server is closed before that.
func (s *Server) WaitForAnswers(ctx context.Context, taskID int64, n int) error {
	return s.wait(ctx, taskID, n, "answers", func() int { return s.trafficFor(taskID).finished })
}

// Pair is two consecutive requests for one task.
type Pair struct {
	First, Second Request
}

// Spacing is the time between the arrivals of the two.
func (p Pair) Spacing() time.Duration { return p.Second.Arrived.Sub(p.First.Arrived) }

// CloserThan returns the pairs of consecutive requests for the same task that arrived less than d
// apart, refused ones included, in order of the second request's arrival.
func (s *Server) CloserThan(d time.Duration) []Pair {
	requests := s.Requests()
	var pairs []Pair
	last := make(map[int64]int)
	for number, request := range requests {
		if request.TaskRequest == 0 {
			continue
		}
		if before, ok := last[request.TaskID]; ok {
			if pair := (Pair{First: requests[before], Second: request}); pair.Spacing() < d {
				pairs = append(pairs, pair)
			}
		}
		last[request.TaskID] = number
	}
	return pairs
}

// traffic are the requests for one task. Inside the server a request is known by its number: its
// index in Server.requests.
type traffic struct {
	numbers  []int // in order of arrival
	finished int
}

func (s *Server) trafficFor(taskID int64) traffic {
	if t := s.traffic[taskID]; t != nil {
		return *t
	}
	return traffic{}
}

// arrived records a request and returns its number.
func (s *Server) arrived(r *http.Request) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.requests = append(s.requests, Request{
		Method:      r.Method,
		Path:        r.URL.Path,
		Host:        r.Host,
		UserAgent:   r.UserAgent(),
		ContentType: r.Header.Get("Content-Type"),
		Arrived:     s.options.Clock(),
	})
	return len(s.requests) - 1
}

// identify adds to a request's record what was read from its body. The mutex must be held.
func (s *Server) identify(number int, call call) *Request {
	request := &s.requests[number]
	request.KeyRight = call.keyRight
	if call.method == reportCorrect || call.method == reportIncorrect {
		request.Reported = call.taskID
		return request
	}
	if !call.hasTask {
		return request
	}
	t := s.traffic[call.taskID]
	if t == nil {
		t = &traffic{}
		s.traffic[call.taskID] = t
	}
	// Two requests at once may have been read in another order than they arrived in.
	place, _ := slices.BinarySearch(t.numbers, number)
	t.numbers = slices.Insert(t.numbers, place, number)
	request.TaskID, request.TaskRequest = call.taskID, len(t.numbers)
	return request
}

// finished records that a request's answer is about to be complete.
func (s *Server) finished(number int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	request := &s.requests[number]
	request.Finished = s.options.Clock()
	if t := s.traffic[request.TaskID]; request.TaskRequest > 0 && t != nil {
		t.finished++
	}
	s.announce()
}

// announce wakes everyone who waits for a change of the requests or callbacks. The mutex must be
// held.
func (s *Server) announce() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// wait returns nil once count, which is called with the mutex held, is n.
func (s *Server) wait(ctx context.Context, taskID int64, n int, what string, count func() int) error {
	for {
		s.mutex.Lock()
		have := count()
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mutex.Unlock()

		if have >= n {
			return nil
		}
		select {
		case <-changed:
		case <-s.closing:
			return fmt.Errorf("fake 2captcha: closed with %d of %d %s for task %d", have, n, what, taskID)
		case <-ctx.Done():
			return fmt.Errorf("fake 2captcha: %d of %d %s for task %d: %w", have, n, what, taskID, context.Cause(ctx))
		}
	}
}
