package simulator

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// deliver sends the answer, as far as it can: a client that has gone away is not an error. The
// request is marked as finished just before its last bytes leave, so that whoever has read an
// answer finds the record complete.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, number int, answer Answer) {
	if answer.hold != 0 && !s.pause(r.Context(), answer.hold) {
		s.finished(number)
		panic(http.ErrAbortHandler)
	}

	header := w.Header()
	header.Set("Content-Type", answer.contentType)
	if answer.retryAfter != "" {
		header.Set("Retry-After", answer.retryAfter)
	}
	if answer.location != "" {
		header.Set("Location", answer.location)
	}
	if answer.httpStatus() == http.StatusMethodNotAllowed {
		header.Set("Allow", http.MethodPost)
	}

	switch answer.kind {
	case kindDropped:
		s.finished(number)
		panic(http.ErrAbortHandler)
	case kindReset:
		s.finished(number)
		reset(w)
	case kindTruncated:
		header.Set("Content-Length", strconv.Itoa(2*len(answer.body)))
		w.WriteHeader(answer.httpStatus())
		s.finished(number)
		send(w, answer.body)
		panic(http.ErrAbortHandler)
	case kindOversized:
		w.WriteHeader(answer.httpStatus())
		sendOversized(w, answer.size, func() { s.finished(number) })
	case kindSlow:
		header.Set("Content-Length", strconv.Itoa(len(answer.body)))
		w.WriteHeader(answer.httpStatus())
		s.sendSlowly(w, r, number, answer)
	default:
		header.Set("Content-Length", strconv.Itoa(len(answer.body)))
		s.finished(number)
		w.WriteHeader(answer.httpStatus())
		send(w, answer.body)
	}
}

// pause waits and reports whether it waited to the end. A negative time never ends. The wait is cut
// short if the client goes away or the server closes.
func (s *Server) pause(ctx context.Context, d time.Duration) bool {
	var end <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		end = timer.C
	}
	select {
	case <-end:
		return true
	case <-ctx.Done():
	case <-s.closing:
	}
	return false
}

// send flushes the text to the network, and reports whether the client may still be there.
func send(w http.ResponseWriter, text string) bool {
	if _, err := io.WriteString(w, text); err != nil {
		return false
	}
	return http.NewResponseController(w).Flush() == nil
}

func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	// With nothing to linger for, closing a TCP connection resets it.
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

func sendOversized(w http.ResponseWriter, size int, finished func()) {
	const head, tail = `{"errorId":0,"status":"ready","solution":{"text":"`, `"}}`
	piece := strings.Repeat("a", 32<<10)

	alive := send(w, head)
	for left := size - len(head) - len(tail); alive && left > 0; left -= len(piece) {
		alive = send(w, piece[:min(left, len(piece))])
	}
	finished()
	if alive {
		send(w, tail)
	}
}

func (s *Server) sendSlowly(w http.ResponseWriter, r *http.Request, number int, answer Answer) {
	if len(answer.body) == 0 {
		s.finished(number)
		return
	}
	alive := http.NewResponseController(w).Flush() == nil
	last := len(answer.body) - 1
	for i := range last {
		alive = alive && s.pause(r.Context(), answer.spread/time.Duration(last+1)) && send(w, answer.body[i:i+1])
	}
	alive = alive && s.pause(r.Context(), answer.spread/time.Duration(last+1))
	s.finished(number)
	if !alive {
		panic(http.ErrAbortHandler)
	}
	send(w, answer.body[last:])
}
