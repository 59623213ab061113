package workflows_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a submission comes to, besides what a poll may.
const (
	fateIDWithPoint   fateKind = "bought, the id with .0"
	fateIDAsText      fateKind = "bought, the id in a string"
	fateIDBesideCode  fateKind = "bought, the id beside a code"
	fateSolvedAtOnce  fateKind = "bought and solved at once, without an id"
	fateLate          fateKind = "bought, and the attempt is over when its worker reports that"
	fateLostAfterMark fateKind = "worker lost between its mark and the request"
	fateMarkRefused   fateKind = "the server does not take the mark"
	fateNotConnected  fateKind = "no connection"
	fateNoFunds       fateKind = "ERROR_ZERO_BALANCE"
	fateNoFundsOn500  fateKind = "ERROR_ZERO_BALANCE on HTTP 500"
	fateNewCode       fateKind = "a code of no table"
	fateNewCodeOn500  fateKind = "a code of no table on HTTP 500"
	fateTooMany       fateKind = "HTTP 429 without a code"
	fateNoSlotOn503   fateKind = "ERROR_NO_SLOT_AVAILABLE on HTTP 503"
	fateBadRequest    fateKind = "HTTP 400 that quotes the request"
	fateQuoting       fateKind = "a code whose description quotes the request"
	fateQuotedOn200   fateKind = "the request sent back"
	fateNotBought     fateKind = "connection dropped, and nothing bought"
)

// purchaseMeaning is what a submission says of money, written down once more.
type purchaseMeaning int

const (
	meansRepeat  purchaseMeaning = iota // nothing was bought
	meansBought                         // and its answer says so
	meansVerdict                        // nothing was bought
	meansUnknown
)

// submissionFate is what the service does with a request to buy, and what that means. In body, ID
// stands for the task's id and QUOTE for the request.
type submissionFate struct {
	kind   fateKind
	means  purchaseMeaning
	buys   bool
	status int // of HTTP; 0: the connection is closed without an answer
	body   string
	code   string // of a verdict
}

var submissionFates = []submissionFate{
	{fateTruth, meansBought, true, 200, `{"errorId":0,"taskId":ID}`, ""},
	{fateIDWithPoint, meansBought, true, 200, `{"errorId":0,"taskId":ID.0}`, ""},
	{fateIDAsText, meansBought, true, 201, `{"errorId":0,"taskId":"ID"}`, ""},
	{fateIDBesideCode, meansBought, true, 200, `{"errorId":2,"errorCode":"ERROR_NO_SLOT_AVAILABLE","taskId":ID}`, ""},
	{fateSolvedAtOnce, meansBought, true, 200, `{"errorId":0,"status":"ready","solution":` + randomSolution + `}`, ""},

	{fateNoSlot, meansRepeat, false, 200, `{"errorId":2,"errorCode":"ERROR_NO_SLOT_AVAILABLE"}`, ""},
	{fateNoSlotOn503, meansRepeat, false, 503, `{"errorId":2,"errorCode":"ERROR_NO_SLOT_AVAILABLE"}`, ""},
	{fateBlocked, meansRepeat, false, 200, `{"errorId":21,"errorCode":"ERROR_IP_BLOCKED"}`, ""},
	{fateTooMany, meansRepeat, false, 429, `slow down`, ""},
	{fateRateLimit, meansRepeat, false, 429, `{"errorId":1,"errorCode":"ERROR_RATE_LIMIT"}`, ""},
	{fateNotConnected, meansRepeat, false, 0, "", ""},
	{fateMarkRefused, meansRepeat, false, 0, "", ""},
	{fateLostBeforeSend, meansRepeat, false, 0, "", ""},

	{fateNoFunds, meansVerdict, false, 200, `{"errorId":10,"errorCode":"ERROR_ZERO_BALANCE"}`, "ERROR_ZERO_BALANCE"},
	{fateNoFundsOn500, meansVerdict, false, 500, `{"errorId":10,"errorCode":"ERROR_ZERO_BALANCE"}`, "ERROR_ZERO_BALANCE"},
	{fateNewCode, meansVerdict, false, 200, `{"errorId":99,"errorCode":"ERROR_NEW"}`, "ERROR_NEW"},
	{fateQuoting, meansVerdict, false, 200, `{"errorId":99,"errorCode":"ERROR_NEW","errorDescription":QUOTE}`, "ERROR_NEW"},
	{fateBadRequest, meansVerdict, false, 400, `bad request: QUOTE`, "UnexpectedResponse"},

	{fateNewCodeOn500, meansUnknown, true, 500, `{"errorId":99,"errorCode":"ERROR_NEW"}`, ""},
	{fateBadGateway, meansUnknown, true, 502, `<html>bad gateway</html>`, ""},
	{fateUnavailable, meansUnknown, false, 503, ``, ""},
	{fateDropped, meansUnknown, true, 0, ``, ""},
	{fateNotBought, meansUnknown, false, 0, ``, ""},
	{fateHTML, meansUnknown, true, 200, `<html>maintenance</html>`, ""},
	{fateQuotedOn200, meansUnknown, false, 200, `QUOTE`, ""},
	{fateOdd, meansUnknown, true, 200, `{"errorId":0}`, ""},
	{fateCutOff, meansUnknown, true, 200, `{"errorId":0,"taskI`, ""},
	{fateNoAnswer, meansUnknown, true, 0, "", ""},
	{fateLost, meansUnknown, true, 200, `{"errorId":0,"taskId":ID}`, ""},
	{fateLate, meansUnknown, true, 200, `{"errorId":0,"taskId":ID}`, ""},
	{fateLostAfterMark, meansUnknown, false, 0, "", ""},
}

func submissionFateOf(kind fateKind) submissionFate {
	for _, each := range submissionFates {
		if each.kind == kind {
			return each
		}
	}
	panic("no submission comes to " + kind)
}

// shop is the service's createTask on a real connection, since the client's mark and what it knows
// of a broken request come from there. It stands outside of the schedules' bubbles: while a request
// is with it, their time stands still.
type shop struct {
	server *httptest.Server
	closed string // an address that nobody listens on
	orders sync.Map
}

// order is what the shop does with one request, which names it in a header.
type order struct {
	fate       submissionFate
	id         int64
	retryAfter int

	mu   sync.Mutex
	body []byte // nil: the request has not come
}

const orderHeader = "Order"

func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.closed = closed.Addr().String()
	require.NoError(t, closed.Close())
	return s
}

func (s *shop) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	value, known := s.orders.LoadAndDelete(request.Header.Get(orderHeader))
	if err != nil || !known {
		panic(http.ErrAbortHandler)
	}
	o := value.(*order)
	o.mu.Lock()
	o.body = body
	o.mu.Unlock()
	if o.fate.status == 0 {
		panic(http.ErrAbortHandler) // which closes the connection
	}
	quote := string(body)
	if o.fate.kind == fateQuoting {
		quote = strconv.Quote(taskSecret + " in " + quote)
	}
	answer := strings.NewReplacer("ID", fmt.Sprint(o.id), "QUOTE", quote).Replace(o.fate.body)
	if o.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(o.retryAfter))
	}
	w.WriteHeader(o.fate.status)
	_, _ = io.WriteString(w, answer)
}

func (o *order) request() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.body
}

var errNoConnection = errors.New("the connection is gone")

// purchaseRecord is a task that was bought.
type purchaseRecord struct {
	attempt *attemptRecord
	at      time.Duration
	id      int64 // 0: the service has given it none
	task    *waitRecord
}

// createTask is the way of a submission's request to the shop.
func (s *solveRun) createTask(request *http.Request, attempt *attemptRecord) (*http.Response, error) {
	fate := submissionFateOf(attempt.fate.Kind)
	s.mu.Lock()
	o := &order{fate: fate, id: taskID + 1 + int64(len(s.purchases)), retryAfter: attempt.fate.RetryAfter}
	s.mu.Unlock()
	request = request.Clone(request.Context())
	request.Header.Set(orderHeader, fmt.Sprintf("%p", o))
	if fate.kind == fateNotConnected {
		request.URL.Host = s.shop.closed
	}
	s.shop.orders.Store(fmt.Sprintf("%p", o), o)
	defer s.shop.orders.Delete(fmt.Sprintf("%p", o))
	response, err := s.next.RoundTrip(request)
	if err != nil {
		err = errNoConnection // without the connection's ports, so that a schedule always ends in the same words
	}
	if o.request() == nil { // it has not come to the service
		return response, err
	}
	at := s.now()
	record := &requestRecord{sent: at, ended: at}
	s.noteRequest(attempt, record, o)
	var content []byte
	if response != nil {
		if content, err = io.ReadAll(response.Body); err != nil {
			return nil, s.fail("the shop's answer: %v", err)
		}
		response.Body.Close()
		response.Body = io.NopCloser(bytes.NewReader(content))
	}
	switch fate.kind {
	case fateLost:
		return nil, errWorkerGone
	case fateNoAnswer:
		s.sleep(requestTimeout)
		attempt.inTurn()
		s.endRequest(record)
		<-request.Context().Done() // of the same time
		return nil, request.Context().Err()
	case fateCutOff:
		response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(content), brokenOff{}))
	}
	s.sleep(time.Duration(attempt.fate.Delay))
	attempt.inTurn()
	s.endRequest(record)
	return response, err
}

// noteRequest notes that a request to buy has come to the service.
func (s *solveRun) noteRequest(attempt *attemptRecord, record *requestRecord, o *order) {
	var sent struct {
		Task        json.RawMessage `json:"task"`
		CallbackURL string          `json:"callbackUrl"`
	}
	if json.Unmarshal(o.request(), &sent) != nil || !sameJSON(sent.Task, s.in.task()) {
		_ = s.fail("the service got another task: %s", sent.Task)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	attempt.request = record
	if !o.fate.buys {
		return
	}
	purchase := &purchaseRecord{attempt: attempt, at: record.sent, id: o.id}
	next := s.in.Tasks[len(s.purchases)%len(s.in.Tasks)]
	if o.fate.kind == fateSolvedAtOnce {
		purchase.id = 0
	}
	next.TaskID = o.id
	purchase.task = &waitRecord{randomWait: next.randomWait, index: len(s.purchases) + 1, start: record.sent}
	s.purchases = append(s.purchases, purchase)
	s.tasks[o.id] = purchase.task
	if sent.CallbackURL == "" || next.EndsAt == 0 || next.Call == serviceCallNone || purchase.id == 0 {
		return
	}
	call := map[string]any{"submission": attempt.poll.submission}
	if next.Call == serviceCallNamed {
		call["taskId"] = o.id
	}
	pending := &solveCall{at: max(record.sent+time.Duration(next.EndsAt+next.CallDelay), record.sent), payload: func() any { return call }}
	if next.Call == serviceCallNamed {
		pending.names = purchase
	}
	s.calls = append(s.calls, pending)
	s.registerLocked(len(s.calls) - 1)
}
