package callback

import (
	"io"
	"log"
	"net/http"
	"time"
)

// NewServer returns a server for handler that no sender can keep busy: every phase of a connection
// has a timeout, and the size of headers is limited. Set its Addr, or call Serve with a listener.
// The server logs nothing about connections, because net/http's messages may hold what senders
// sent; set ErrorLog to read them.
func NewServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      bodyTimeout + 2*signalTimeout, // it counts from before the body is read
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
}
