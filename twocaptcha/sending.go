package twocaptcha

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// sending is one request's way to the wire.
type sending struct {
	freshConnection bool
	// before is called once, on a connection that is ready, before the first byte of the request. On an
	// error nothing is written. nil: nothing is called.
	before func() error
	ctx    context.Context // set by watch

	mutex  sync.Mutex
	begun  bool          // the request has come to our own transport
	ended  chan struct{} // closed when the writing on the last connection has ended; nil without a connection
	failed bool          // it ended before the whole request was written
}

type sendingKey struct{} // the key of a context value: the request's *sending

// watch returns a context for the request. With it, the request is not written to a connection once
// ctx is over.
func (s *sending) watch(ctx context.Context) context.Context {
	s.ctx = ctx
	if before := s.before; before != nil {
		s.before = sync.OnceValue(before)
	}
	return httptrace.WithClientTrace(context.WithValue(ctx, sendingKey{}, s), &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) {
			s.mutex.Lock()
			s.ended, s.failed = make(chan struct{}), false
			s.mutex.Unlock()
			connection := got.Conn
			for {
				secured, ok := connection.(*tls.Conn)
				if !ok {
					break
				}
				connection = secured.NetConn()
			}
			if timely, ok := connection.(*timelyConnection); ok {
				timely.carries.Store(s)
			}
		},
		WroteRequest: func(wrote httptrace.WroteRequestInfo) {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			select {
			case <-s.ended: // by a connection that was given up for this one
			default:
				s.failed = wrote.Err != nil
				close(s.ended)
			}
		},
	})
}

func (s *sending) begin() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.begun = true
}

// incomplete reports whether the request is known not to have been written in full. It is called
// when the request is over: net/http may still be about to notice that the connection is closed.
func (s *sending) incomplete() bool {
	const patience = 200 * time.Millisecond
	s.mutex.Lock()
	begun, ended := s.begun, s.ended
	s.mutex.Unlock()
	if ended == nil {
		return begun // if not, a wrapper may have sent it on a way of its own
	}
	select {
	case <-ended:
	case <-time.After(patience):
		return false
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.failed
}

// timelyConnection fails a write when the context of the request that it carries is over. The check
// is the last thing before the bytes leave, and looks at the clock itself: in a process that was
// stopped and goes on, the write may come before the context's timer.
type timelyConnection struct {
	net.Conn
	// carries is the last request. It stays when the request ends: its write may still be to come.
	carries atomic.Pointer[sending]
}

func (c *timelyConnection) Write(content []byte) (int, error) {
	if s := c.carries.Load(); s != nil {
		if err := s.mayWrite(); err != nil {
			return 0, notSentError{err}
		}
	}
	return c.Conn.Write(content)
}

func (s *sending) mayWrite() error {
	if cause := expired(s.ctx); cause != nil || s.before == nil {
		return cause
	}
	if err := s.before(); err != nil {
		return err
	}
	return expired(s.ctx) // before may have taken its time
}

// expired is ctx.Err, told by the clock. The wall clock counts too: the monotonic one stands still
// while the machine sleeps.
func expired(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if now := time.Now(); !now.Before(deadline) || !now.Round(0).Before(deadline.Round(0)) {
			return context.DeadlineExceeded
		}
	}
	return nil
}
