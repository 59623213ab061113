package simulator

import (
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

	// Clock tells the time that scripts, expiry, bans and the records of requests go by; nil: time.Now. It is called
	// by several goroutines at once. Faults that take their time take it from the real clock.
	Clock func() time.Time

	// ResultLifetime is how long after Script a ready result can be fetched; 0: the service's 15 minutes.
	ResultLifetime time.Duration

	// WithoutWrongKeyBan answers every wrong key alike. By default five of them are followed by ERROR_IP_BLOCKED on
	// every request for 10 minutes, as with the service.
	WithoutWrongKeyBan bool

	// WithoutPollBudget answers any number of requests. By default more than 20 for each task scripted plus 1200 are
	// followed by ERROR_IP_BLOCKED on every request for 5 minutes, as with the service.
	WithoutPollBudget bool
}

// Server is a simulated 2captcha API that listens until it is closed. Its methods are safe for concurrent use.
type Server struct {
	options  Options
	listener net.Listener
	http     *http.Server
	closing  chan struct{}
	close    func()

	// running counts what Close waits for: the accept loop, open connections and requests under way.
	running sync.WaitGroup

	mutex       sync.Mutex
	connections int
	tasks       map[int64]*task
	requests    []Request // in order of arrival
	traffic     map[int64]*traffic
	changed     chan struct{} // closed at the next change of the requests; nil while nobody waits for one
	faults      faults
	bans        bans
}

// Start listens and answers from when it returns until Close. The error says what is wrong with the options, or why
// it can't listen.
func Start(options Options) (*Server, error) {
	if options.ClientKey == "" {
		return nil, errors.New("simulator: no ClientKey: set the key that the server is to accept")
	}
	if options.Address == "" {
		options.Address = "127.0.0.1:0"
	}
	if options.Clock == nil {
		options.Clock = time.Now
	}
	if options.ResultLifetime == 0 {
		options.ResultLifetime = 15 * time.Minute
	}
	if err := checkLoopback(options.Address); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", options.Address)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}

	s := &Server{
		options:  options,
		listener: listener,
		closing:  make(chan struct{}),
		tasks:    make(map[int64]*task),
		traffic:  make(map[int64]*traffic),
	}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ConnState: s.connectionChanged}
	s.close = sync.OnceFunc(func() {
		close(s.closing)
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

// Close stops listening, ends every connection and every answer under way, and returns when nothing of the server runs
// any more. What was recorded stays readable. Closing twice is harmless.
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
		return fmt.Errorf("simulator: Address %q is no host and port: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("simulator: Address %q is not a loopback address, such as 127.0.0.1:0", address)
	}
	return nil
}

// serve handles one request from its arrival to the end of its answer.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.running.Add(1)
	defer s.running.Done()

	number := s.arrived(r)
	answer := s.decide(number, readCall(w, r, s.options.ClientKey))
	s.deliver(w, r, number, answer)
}

// decide takes what was asked into account and chooses the answer.
func (s *Server) decide(number int, call call) Answer {
	s.mutex.Lock()
	defer s.mutex.Unlock()

	now := s.options.Clock()
	request := s.identify(number, call)
	answer := s.choose(now, request, call)
	request.Answer, request.HTTPStatus = answer.String(), answer.httpStatus()
	s.announce()
	return answer
}

// choose returns an answer that is ready to be delivered.
func (s *Server) choose(now time.Time, request *Request, call call) Answer {
	refuse := func(reason string, answer Answer) Answer {
		request.Refused = reason
		return answer.at(now, now)
	}
	if call.refused != "" {
		return refuse(call.refused, call.answer)
	}
	if reason := s.bans.check(now); reason != "" {
		return refuse(reason, Error(errorIPBlocked))
	}
	if !call.keyRight {
		if !s.options.WithoutWrongKeyBan {
			s.bans.countWrongKey(now)
		}
		return refuse("wrong client key", Error(errorKeyDoesNotExist))
	}
	if !s.options.WithoutPollBudget {
		if reason := s.bans.countPoll(now); reason != "" {
			return refuse(reason, Error(errorIPBlocked))
		}
	}

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
