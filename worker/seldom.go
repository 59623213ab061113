package main

import (
	"log/slog"
	"sync"
	"time"
)

// warnedEvery is the shortest time between two warnings of one kind.
const warnedEvery = 10 * time.Minute

// seldom warns of what goes wrong again and again, and is not worth a line each time.
type seldom struct {
	logger   *slog.Logger
	mutex    sync.Mutex
	warnedAt time.Time // zero: never
}

func (s *seldom) warn(what string, err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if now := time.Now(); s.warnedAt.IsZero() || now.Sub(s.warnedAt) >= warnedEvery {
		s.warnedAt = now
		s.logger.Warn(what, "error", err)
	}
}

// Handle implements OpenTelemetry's ErrorHandler.
func (s *seldom) Handle(err error) {
	s.warn("traces or metrics are lost: the worker goes on without them", err)
}
