package twocaptchatest

import (
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// Options configure a [Server]. Only ClientKey is required.
type Options struct {
	// ClientKey is the only client key that the server accepts. Any text will do.
	ClientKey string

	// Clock returns the time for everything that the server measures: when a task ends, how old a
	// result is, how long a ban lasts, when a request arrived. The default is time.Now. Several
	// goroutines call it at once. [Answer.WithDelay] and callbacks always take real time.
	Clock func() time.Time

	// NewTask decides what becomes of a task that a createTask request makes; the CallbackURL that
	// it returns is ignored in favor of the request's. By default a task is ready after one second,
	// with the solution {"text":"hello world"}. Several goroutines call it at once.
	NewTask func(NewTask) Submission
}

// Server is a fake 2captcha service. Its methods are safe for concurrent use.
type Server struct {
	engine *simulator.Server
}

// Start starts a server on a free port of 127.0.0.1. Close the server when the test ends.
func Start(options Options) (*Server, error) {
	simulated := simulator.Options{ClientKey: options.ClientKey, Clock: options.Clock}
	if options.NewTask != nil {
		simulated.NewTask = func(task simulator.NewTask) simulator.Submission {
			return options.NewTask(NewTask(task)).simulated()
		}
	}
	engine, err := simulator.Start(simulated)
	if err != nil {
		return nil, err
	}
	return &Server{engine}, nil
}

// URL returns the base URL for a client, such as http://127.0.0.1:41234, without a trailing slash.
func (s *Server) URL() string { return s.engine.URL() }

// Close stops the server: it ends every connection and sends no more callbacks. The records of
// requests stay readable. Closing a server twice is harmless.
func (s *Server) Close() { s.engine.Close() }
