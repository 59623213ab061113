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

// Options are what Start takes. Only ClientKey is required.
type Options struct {
	// ClientKey is the one key that the server accepts.
	ClientKey string

	// Address is the loopback host and port to listen on, such as the Address of a server that was closed;
	// "": 127.0.0.1 and a free port.
	Address string

	// Clock tells the time that scripts, expiry, bans and the records of requests and callbacks go by; nil: time.Now.
	// It is called by several goroutines at once. Faults that take their time take it from the real clock, and so do
	// callbacks: they are sent as long after the submission, by the real clock, as their task takes by this one.
	Clock func() time.Time

	// NewTask says what becomes of a task that createTask makes. The CallbackURL that it returns is not used. nil: the
	// task is ready after a second, with a text. It is called by several goroutines at once, and may use the server.
	NewTask func(NewTask) Submission

	// FirstTaskID is the least id that a task may get from createTask or Submit; 0: 72345678901. The service's ids are
	// above 2^32.
	FirstTaskID int64

	// CallbackRoots are who may sign the certificate of a callback URL's host; nil: whom this machine trusts.
	CallbackRoots *x509.CertPool

	// CallbackTimeout is how long a callback waits for its answer; 0: 10 seconds. The service's is not documented.
	CallbackTimeout time.Duration

	// ResultLifetime is how long after the submission a ready result can be fetched; 0: the service's 15 minutes.
	ResultLifetime time.Duration

	// WithoutWrongKeyBan answers every wrong key alike. By default five of them are followed by ERROR_IP_BLOCKED on
	// every request for 10 minutes, as with the service.
	WithoutWrongKeyBan bool

	// WithoutPollBudget answers any number of requests. By default more than 20 for each task submitted plus 1200 are
	// followed by ERROR_IP_BLOCKED on every request for 5 minutes, as with the service.
	WithoutPollBudget bool
}

// Server is a simulated 2captcha API that listens until it is closed. Its methods are safe for concurrent use.
type Server struct {
	options  Options
	listener net.Listener
	http     *http.Server
	closing  chan struct{}
	context  context.Context // done as soon as closing is closed
	close    func()

	callbackClient *http.Client

	// running counts what Close waits for: the accept loop, open connections, requests under way and callbacks to come.
	running sync.WaitGroup

	mutex         sync.Mutex
	closed        bool
	connections   int
	tasks         map[int64]*task
	nextTaskID    int64
	lastSubmitted int64     // 0 until there is one
	requests      []Request // in order of arrival
	traffic       map[int64]*traffic
	changed       chan struct{} // closed at the next change of the requests or callbacks; nil while nobody waits for one
	faults        faults
	bans          bans

	callbacks         []CallbackDelivery // in the order in which they were due
	callbacksFinished map[int64]int      // by task
	callbackFaults    callbackFaults
	held              []heldCallback // in the order in which they were due
}

// Start listens and answers from when it returns until Close. The error says what is wrong with the options, or why
// it can't listen.
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
		tasks:             make(map[int64]*task),
		nextTaskID:        options.FirstTaskID,
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
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		// Serve ends with ErrServerClosed, or because the listener failed: clients see that as refused connections.
		_ = s.http.Serve(listener)
	}()
	return s, nil
}

// URL is the base address for a client, such as http://127.0.0.1:41234, without a trailing slash.
func (s *Server) URL() string { return "http://" + s.Address() }

// Address is the host and port it listens on, or listened on before Close.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Connections is how many connections were accepted since Start: the fewer for the same requests, the better they
// were reused.
func (s *Server) Connections() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.connections
}

// Close stops listening, ends every connection, every answer under way and every callback, and returns when nothing of the
// server runs any more. What was recorded stays readable. Closing twice is harmless.
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

// newCallbackClient makes a client that goes nowhere but where it is told: through no proxy and after no redirect. Each
// callback has a connection of its own, so that none fails for being sent on one that was closed at its other end.
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
	call := readCall(w, r, s.options.ClientKey)
	answer, accepted := s.decide(number, call)
	if accepted && call.create {
		answer = s.create(number, *call.newTask)
	}
	s.deliver(w, r, number, answer)
}

// decide takes what was asked into account and chooses the answer; that of a createTask which is accepted is left to be
// chosen.
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
	case call.create:
		return Answer{}, true
	default:
		answer = s.nextAnswer(now, request, call)
	}
	request.Answer, request.HTTPStatus = answer.String(), answer.httpStatus()
	s.announce()
	return answer, refusal == nil
}

// refuse returns nil for a request that is accepted.
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
	if call.create || s.options.WithoutPollBudget {
		return call.rejected
	}
	if reason := s.bans.countPoll(now); reason != "" {
		return &refusal{reason, Error(errorIPBlocked)}
	}
	return nil
}

// nextAnswer is for a getTaskResult request that is accepted. It is ready to be delivered.
func (s *Server) nextAnswer(now time.Time, request *Request, call call) Answer {
	known := s.tasks[call.taskID]
	if fault, ok := s.faults.draw(call.taskID, request.TaskRequest); ok {
		request.Faulted = true
		if known == nil {
			return fault.at(now, now)
		}
		return fault.at(known.submitted, now)
	}
	if known == nil {
		return Expired().at(now, now)
	}
	return known.next(now, s.options.ResultLifetime)
}
