package simulator

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options configure a server. Only ClientKey is required.
type Options struct {
	// ClientKey is the only key that the server accepts, unless AcceptKeys is called.
	ClientKey string

	// Address is the loopback host and port to listen on, such as the Address of a server that was
	// closed. The default is 127.0.0.1 and a free port.
	Address string

	// Clock returns the time for scripts, expiry, bans and the records of requests and callbacks.
	// The default is time.Now. Several goroutines call it at once. Delays of faults are measured by
	// the real clock. Callbacks are too: a callback is sent as long after the submission, in real
	// time, as its task takes by this clock.
	Clock func() time.Time

	// NewTask decides what becomes of a task that createTask makes. The CallbackURL that it returns
	// is not used. By default the task is ready after a second, with a solution of its type. Several
	// goroutines call it at once, and it may use the server.
	NewTask func(NewTask) Submission

	// Balance is what is in the account's wallet at the start, a decimal. Each task that createTask
	// makes is charged with Price from it. The default is 10000.
	Balance string

	// FirstTaskID is the lowest id that createTask or Submit gives a task. The default is
	// 72345678901: the service's ids are above 2^32.
	FirstTaskID int64

	// CallbackRoots are the certificate authorities that may sign the certificate of a callback
	// URL's host. The default are those that this machine trusts.
	CallbackRoots *x509.CertPool

	// CallbackTimeout is how long a callback waits for its answer. The default is 10 seconds; the
	// service's own timeout is not documented.
	CallbackTimeout time.Duration

	// ResultLifetime is how long after the submission a ready result can be fetched. The default is
	// the service's 15 minutes.
	ResultLifetime time.Duration

	// WithoutWrongKeyBan gives every wrong key the same answer. By default five wrong keys are
	// followed by ERROR_IP_BLOCKED on every request for 10 minutes, as with the service.
	WithoutWrongKeyBan bool

	// WithoutPollBudget allows any number of requests. By default more than 20 requests for each
	// submitted task plus 1200 are followed by ERROR_IP_BLOCKED on every request for 5 minutes, as
	// with the service.
	WithoutPollBudget bool
}

// Server is a simulated 2captcha API that listens until it is closed. Its methods are safe for
// concurrent use.
type Server struct {
	options  Options
	listener net.Listener
	http     *http.Server
	closing  chan struct{}
	context  context.Context // done as soon as closing is closed
	close    func()

	callbackClient *http.Client

	// running counts what Close waits for: the accept loop, open connections, requests under way
	// and callbacks that are still to be sent.
	running sync.WaitGroup

	mutex         sync.Mutex
	closed        bool
	connections   int
	tasks         map[int64]*task
	nextTaskID    int64
	lastSubmitted int64     // 0 until there is one
	requests      []Request // in order of arrival
	traffic       map[int64]*traffic
	changed       chan struct{} // closed at the next change of the records; nil if nobody waits
	faults        faults
	keys          []string // that are accepted
	bans          bans
	wallet        wallet
	balances      []Answer   // what getBalance answers in place of the wallet's balance
	purchases     []Purchase // in order

	callbacks         []CallbackDelivery // in the order in which they were due
	callbacksFinished map[int64]int      // by task
	callbackFaults    callbackFaults
	held              []heldCallback // in the order in which they were due
}

// Start starts a server, which answers until it is closed. The error says what is wrong with the
// options, or why the address can not be listened on.
func Start(options Options) (*Server, error) {
	if options.ClientKey == "" {
		return nil, errors.New("fake 2captcha: no ClientKey: set the key that the server is to accept")
	}
	if options.Address == "" {
		options.Address = "127.0.0.1:0"
	}
	if options.Clock == nil {
		options.Clock = time.Now
	}
	if options.NewTask == nil {
		options.NewTask = readySoon
	}
	wallet, err := newWallet(cmp.Or(options.Balance, "10000"))
	if err != nil {
		return nil, err
	}
	options.ResultLifetime = cmp.Or(options.ResultLifetime, 15*time.Minute)
	options.CallbackTimeout = cmp.Or(options.CallbackTimeout, 10*time.Second)
	options.FirstTaskID = cmp.Or(options.FirstTaskID, 72345678901)
	if err := checkLoopback(options.Address); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", options.Address)
	if err != nil {
		return nil, fmt.Errorf("fake 2captcha: %w", err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		options:           options,
		listener:          listener,
		closing:           make(chan struct{}),
		context:           ctx,
		callbackClient:    newCallbackClient(options),
		keys:              []string{options.ClientKey},
		tasks:             make(map[int64]*task),
		nextTaskID:        options.FirstTaskID,
		wallet:            wallet,
		traffic:           make(map[int64]*traffic),
		callbacksFinished: make(map[int64]int),
	}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ConnState: s.connectionChanged}
	s.close = sync.OnceFunc(func() {
		s.mutex.Lock()
		s.closed = true
		s.mutex.Unlock()
		close(s.closing)
		cancel()
		// Its error is that of closing the listener, which leaves nothing to do.
		_ = s.http.Close()
	})
	s.acceptFrom(listener)
	return s, nil
}

// Listen has the server listen on another free port of 127.0.0.1 as well, and returns the base URL
// for it, so that the records tell clients apart by their requests' Host. It must not be called
// while Close is.
func (s *Server) Listen() (url string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("fake 2captcha: %w", err)
	}
	s.acceptFrom(listener)
	return "http://" + listener.Addr().String(), nil
}

func (s *Server) acceptFrom(listener net.Listener) {
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		// Serve ends with ErrServerClosed, or because the listener failed: clients see that as
		// refused connections.
		_ = s.http.Serve(listener)
	}()
}

// URL returns the base URL for a client, such as http://127.0.0.1:41234, without a trailing slash.
func (s *Server) URL() string { return "http://" + s.Address() }

// Address returns the host and port that the server listens on, or listened on before Close.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Connections returns how many connections were accepted since Start. The better a client reuses
// its connections, the fewer there are.
func (s *Server) Connections() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.connections
}

// Close stops listening, ends every connection, every answer under way and every callback, and
// returns when nothing of the server runs any more. The records stay readable. Closing a server
// twice is harmless.
func (s *Server) Close() {
	s.close()
	s.running.Wait()
}

func (s *Server) connectionChanged(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.running.Add(1)
		s.mutex.Lock()
		s.connections++
		s.mutex.Unlock()
	case http.StateClosed, http.StateHijacked:
		s.running.Done()
	}
}

// checkLoopback keeps client keys from crossing a network in the clear.
func checkLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("fake 2captcha: Address %q is not a host and port: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("fake 2captcha: Address %q is not a loopback address, such as 127.0.0.1:0", address)
	}
	return nil
}

// newCallbackClient makes a client that uses no proxy and follows no redirect. Each callback has a
// connection of its own, so that none fails because the other end has closed an old one.
func newCallbackClient(options Options) *http.Client {
	return &http.Client{
		Timeout:       options.CallbackTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{RootCAs: options.CallbackRoots, MinVersion: tls.VersionTLS12},
		},
	}
}

// serve handles one request from its arrival to the end of its answer.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.running.Add(1)
	defer s.running.Done()

	number := s.arrived(r)
	call := readCall(w, r, s.accepts)
	answer, accepted := s.decide(number, call)
	if accepted && call.method == createTask {
		answer = s.create(number, *call.newTask)
	}
	s.deliver(w, r, number, answer)
}

// decide counts the request and chooses the answer, except for an accepted createTask, whose answer
// comes from create.
func (s *Server) decide(number int, call call) (answer Answer, accepted bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()

	now := s.options.Clock()
	request := s.identify(number, call)
	refusal := s.refuse(now, call)
	switch {
	case refusal != nil:
		request.Refused = refusal.reason
		answer = refusal.answer.at(now, now)
	case call.method == createTask:
		return Answer{}, true
	case call.method == getBalance:
		answer = s.balanceAnswer(now)
	case call.method == reportCorrect, call.method == reportIncorrect:
		answer = s.report(now, call)
	default:
		answer = s.nextAnswer(now, request, call)
	}
	request.Answer, request.HTTPStatus = answer.String(), answer.httpStatus()
	s.announce()
	return answer, refusal == nil
}

// refuse returns nil if the request is accepted.
func (s *Server) refuse(now time.Time, call call) *refusal {
	if call.malformed != nil {
		return call.malformed
	}
	if reason := s.bans.check(now); reason != "" {
		return &refusal{reason, Error(errorIPBlocked)}
	}
	if !call.keyRight {
		if !s.options.WithoutWrongKeyBan {
			s.bans.countWrongKey(now)
		}
		return &refusal{"wrong client key", Error(errorKeyDoesNotExist)}
	}
	isPoll := call.method == getTaskResult || call.method == getBalance
	if !isPoll || s.options.WithoutPollBudget {
		return call.rejected
	}
	if reason := s.bans.countPoll(now); reason != "" {
		return &refusal{reason, Error(errorIPBlocked)}
	}
	return nil
}

// nextAnswer returns the answer to an accepted getTaskResult request, with its body written out.
func (s *Server) nextAnswer(now time.Time, request *Request, call call) Answer {
	known := s.tasks[call.taskID]
	if fault, ok := s.faults.draw(call.taskID, request.TaskRequest); ok {
		request.Faulted = true
		switch {
		case known == nil && fault.kind == kindProcessing: // which would say that the service knows it
			return Expired().at(now, now)
		case known == nil:
			return fault.at(now, now)
		}
		return fault.at(known.submitted, now)
	}
	if known == nil {
		return Expired().at(now, now)
	}
	answer := known.next(now, s.options.ResultLifetime)
	s.wallet.settle(known, answer)
	return answer
}
