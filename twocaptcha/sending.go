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
	// before is called once, on a connection that is ready, before the first byte of the request. On
	// an error nothing is written. nil: nothing is called.
	before func() error
	ctx    context.Context // set by watch

	mutex    sync.Mutex
	reached  bool          // the request has come to our own transport
	over     bool          // nothing more is written
	last     *writing      // on the last connection; nil without one
	passedOn chan struct{} // closed when net/http has passed the request on to the connection's buffer,
	cutOff   bool          // but not in full
}

// writing is what one connection wrote of a request. The request's mutex guards it.
type writing struct {
	of            *sending
	begun, failed bool
	refused       error // why nothing was written, before anything was
}

type sendingKey struct{} // the key of a context value: the request's *sending

// watch returns a context for the request. With it, the request is not written to a connection once
// ctx is over.
func (s *sending) watch(ctx context.Context) context.Context {
	s.ctx, s.passedOn = ctx, make(chan struct{})
	if before := s.before; before != nil {
		s.before = sync.OnceValue(before)
	}
	return httptrace.WithClientTrace(context.WithValue(ctx, sendingKey{}, s), &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.last = &writing{of: s}
			connection := got.Conn
			for {
				secured, ok := connection.(*tls.Conn)
				if !ok {
					break
				}
				connection = secured.NetConn()
			}
			if timely, ok := connection.(*timelyConnection); ok {
				timely.carries.Store(s.last)
			}
		},
		WroteRequest: func(wrote httptrace.WroteRequestInfo) {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			select {
			case <-s.passedOn: // by a connection that was given up for this one
			default:
				s.cutOff = wrote.Err != nil
				close(s.passedOn)
			}
		},
	})
}

func (s *sending) reach() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.reached = true
}

// incomplete ends the writing, and reports whether the request is known not to have been written in
// full. A write that is under way can't be told from one that ends well, and net/http tells that it
// has passed the request on to its buffer before it writes the buffer's last bytes.
func (s *sending) incomplete() bool {
	const patience = 2 * time.Second
	s.mutex.Lock()
	s.over = true
	reached, last := s.reached, s.last
	nothing := last == nil || !last.begun || last.failed
	s.mutex.Unlock()
	if nothing {
		return reached // if it was not, a wrapper may have sent the request on a way of its own
	}
	select {
	case <-s.passedOn:
	case <-time.After(patience):
		return false
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.cutOff || last.failed
}

// refused returns why nothing of the request was written, or nil. net/http may tell of the
// connection's end instead, which comes of it.
func (s *sending) refused() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.last == nil || s.last.refused == nil {
		return nil
	}
	return notSentError{s.last.refused}
}

// timelyConnection fails a write when the context of the request that it carries is over. The check
// is the last thing before the bytes leave, and looks at the clock itself: in a process that was
// stopped and goes on, the write may come before the context's timer.
type timelyConnection struct {
	net.Conn
	// carries is the last request. It stays when the request ends: its write may still be to come.
	carries atomic.Pointer[writing]
}

func (c *timelyConnection) Write(content []byte) (int, error) {
	w := c.carries.Load()
	if w == nil { // of a proxy, or of TLS
		return c.Conn.Write(content)
	}
	if err := w.mayWrite(); err != nil {
		return 0, notSentError{err}
	}
	written, err := c.Conn.Write(content)
	if err != nil {
		w.fail()
	}
	return written, err
}

// mayWrite returns why nothing may be written, or nil. After nil something may have been written.
func (w *writing) mayWrite() error {
	err := expired(w.of.ctx)
	if err == nil && w.of.before != nil {
		if err = w.of.before(); err == nil {
			err = expired(w.of.ctx) // before may have taken its time
		}
	}
	w.of.mutex.Lock()
	defer w.of.mutex.Unlock()
	switch {
	case err == nil && w.of.over:
		err = context.Canceled
	case err == nil:
		w.begun = true
	}
	w.failed = w.failed || err != nil
	if !w.begun {
		w.refused = err
	}
	return err
}

func (w *writing) fail() {
	w.of.mutex.Lock()
	defer w.of.mutex.Unlock()
	w.failed = true
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
