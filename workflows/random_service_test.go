package workflows_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// fateKind names what an attempt to poll comes to.
type fateKind string

const (
	fateTruth          fateKind = "the task's state"
	fateBadGateway     fateKind = "HTTP 502"
	fateUnavailable    fateKind = "HTTP 503"
	fateRateLimit      fateKind = "HTTP 429 with a code of a relative"
	fateDropped        fateKind = "connection dropped"
	fateHTML           fateKind = "HTML on 200"
	fateOdd            fateKind = "JSON that is neither result nor error"
	fateCutOff         fateKind = "connection closed within the answer"
	fateNoSlot         fateKind = "ERROR_NO_SLOT_AVAILABLE"
	fateBlocked        fateKind = "ERROR_IP_BLOCKED"
	fateNoAnswer       fateKind = "no answer"
	fateLost           fateKind = "worker lost after sending"
	fateLostBeforeSend fateKind = "worker lost before sending"
)

var fateKinds = []fateKind{fateTruth, fateBadGateway, fateUnavailable, fateRateLimit, fateDropped, fateHTML, fateOdd, fateCutOff,
	fateNoSlot, fateBlocked, fateNoAnswer, fateLost, fateLostBeforeSend}

func (k fateKind) asksForDelay() bool {
	return k == fateBadGateway || k == fateUnavailable || k == fateRateLimit
}

// lost tells that nobody hears of the attempt's end.
func (k fateKind) lost() bool {
	return k == fateLost || k == fateLostBeforeSend || k == fateLostAfterMark || k == fateLate
}

// requestTimeout is the client's.
const requestTimeout = 15 * time.Second

// asksFor is the delay that the attempt's failure asks for; 0: none.
func (f fate) asksFor() time.Duration {
	switch {
	case f.Kind == fateBlocked:
		return 3 * time.Minute
	case f.Kind.asksForDelay() && f.RetryAfter > 0:
		return min(max(time.Duration(f.RetryAfter)*time.Second, 5*time.Second), time.Minute)
	}
	return 0
}

// answerKind is what a request brought.
type answerKind string

const (
	answerProcessing answerKind = "processing"
	answerReady      answerKind = "ready"
	answerVerdict    answerKind = "verdict"
	answerNone       answerKind = "none"
)

const randomSolution = `{"text":"hello"}`

// fateAt is what the attempt of that number, counted from 0 over the whole wait, comes to at that
// time since the wait's start.
func (w randomWait) fateAt(number int, at time.Duration) fate {
	for _, outage := range w.Outages {
		if outage.holds(at) {
			return outage.Fate
		}
	}
	if number < len(w.Attempts) {
		return w.Attempts[number]
	}
	return fate{Kind: fateTruth}
}

// answer is what the service answers to a request that comes at that time since the wait's start.
func (w randomWait) answer(f fate, at time.Duration) (answerKind, *http.Response, error) {
	respond := func(status int, contentType, body string) (answerKind, *http.Response, error) {
		response := &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(body)),
		}
		if f.RetryAfter > 0 {
			response.Header.Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		return answerNone, response, nil
	}
	object := func(kind answerKind, body string) (answerKind, *http.Response, error) {
		_, response, _ := respond(http.StatusOK, "application/json", body)
		return kind, response, nil
	}
	switch f.Kind {
	case fateBadGateway:
		return respond(http.StatusBadGateway, "text/html", "<html>bad gateway</html>")
	case fateUnavailable:
		return respond(http.StatusServiceUnavailable, "text/plain", "")
	case fateRateLimit:
		return respond(http.StatusTooManyRequests, "application/json", `{"errorId":1,"errorCode":"ERROR_RATE_LIMIT"}`)
	case fateDropped:
		return answerNone, nil, io.EOF
	case fateHTML:
		return respond(http.StatusOK, "text/html", "<html>maintenance</html>")
	case fateOdd:
		return respond(http.StatusOK, "application/json", `{"errorId":0}`)
	case fateCutOff:
		_, response, _ := respond(http.StatusOK, "application/json", "")
		response.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"errorId":0,"status":"re`), brokenOff{}))
		return answerNone, response, nil
	case fateNoSlot:
		return respond(http.StatusOK, "application/json", `{"errorId":2,"errorCode":"ERROR_NO_SLOT_AVAILABLE"}`)
	case fateBlocked:
		return respond(http.StatusOK, "application/json", `{"errorId":21,"errorCode":"ERROR_IP_BLOCKED"}`)
	case fateNoAnswer:
		return answerNone, nil, nil
	case fateLost:
		return answerNone, nil, errWorkerGone
	}
	switch {
	case w.EndsAt == 0 || at < time.Duration(w.EndsAt):
		return object(answerProcessing, `{"errorId":0,"status":"processing"}`)
	case w.Code != "":
		return object(answerVerdict, fmt.Sprintf(`{"errorId":12,"errorCode":%q,"errorDescription":"no"}`, w.Code))
	}
	return object(answerReady, `{"errorId":0,"status":"ready","solution":`+randomSolution+`,"cost":"0.00299"}`)
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// attemptKey is under what an attempt's context carries its record.
type attemptKey struct{}

// RoundTrip is the service: it answers in place of the network.
func (r *scheduleRun) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	attempt, ok := ctx.Value(attemptKey{}).(*attemptRecord)
	if !ok {
		return nil, r.fail("a request that no attempt sends")
	}
	if strings.HasSuffix(request.URL.Path, "/createTask") {
		return r.solve.createTask(request, attempt)
	}
	var sent struct {
		TaskID int64 `json:"taskId"`
	}
	if err := json.NewDecoder(request.Body).Decode(&sent); err != nil {
		return nil, r.fail("a request that can't be read: %v", err)
	}
	wait := attempt.poll.wait
	if sent.TaskID != wait.randomWait.TaskID {
		return nil, r.fail("a request for task %d in a poll of task %d", sent.TaskID, wait.randomWait.TaskID)
	}
	at := r.now()
	kind, response, err := wait.randomWait.answer(attempt.fate, at-wait.start)
	record := &requestRecord{taskID: sent.TaskID, sent: at, ended: at, answer: kind}
	r.addRequest(attempt, record)
	if attempt.fate.Kind == fateNoAnswer {
		r.sleep(requestTimeout)
		attempt.inTurn()
		r.endRequest(record)
		<-ctx.Done() // of the same time
		return nil, ctx.Err()
	}
	if attempt.fate.Kind != fateLost {
		r.sleep(time.Duration(attempt.fate.Delay))
		attempt.inTurn()
	}
	r.endRequest(record)
	return response, err
}
