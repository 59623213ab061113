package callback

import (
	"io"
	"log"
	"net/http"
	"time"
)

// NewServer returns a server for handler that no sender can keep busy: every phase of a connection has a timeout, and headers
// are bounded. Set its Addr, or call Serve with a listener. What net/http has to say about connections goes nowhere, since it
// may hold what senders sent; set ErrorLog to read it.
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
