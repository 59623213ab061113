package cluster

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/loopback"
	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// pollInterval is between two looks at what is waited for.
const pollInterval = 50 * time.Millisecond

// ProcessID is the id of the process, also after it has ended. PostgreSQL's other processes are
// children of that one, each in a process group of its own.
func (m *Member) ProcessID() int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.process.ID()
}

// ProfileURL is where net/http/pprof answers in a process of the Temporal server. PostgreSQL has
// none.
func (m *Member) ProfileURL() string {
	return "http://" + loopback.Address(m.ports.profile) + "/debug/pprof/"
}

// Kill ends the process at once with SIGKILL, as a crash would, and returns once it has ended.
func (m *Member) Kill() error { return m.end(syscall.SIGKILL) }

// Restart starts a process that has been killed again, on the same ports, and returns once it takes
// connections. An error has the last lines of its log.
func (m *Member) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, restartTimeout, fmt.Errorf("not up within %s", restartTimeout))
	defer cancel()
	m.setRestarting(true)
	defer m.setRestarting(false)
	for {
		if err := m.start(); err != nil {
			return err
		}
		err := m.waitUntilServing(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		// PostgreSQL does not start while a process of the former one is still there.
		if m.Role != PostgreSQL || !pause(ctx) {
			return err
		}
	}
}

func (m *Member) setRestarting(restarting bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.restarting = restarting
}

// start runs the process. If it ends by itself later, the cluster has failed.
func (m *Member) start() error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.cluster.isStopping() { // which ends what was started before
		return fmt.Errorf("%s is not started: the cluster has been stopped", m.Name)
	}
	m.command.Output, m.command.Errors = &m.log, &m.log
	started, err := process.Start(m.command)
	if err != nil {
		return fmt.Errorf("%s did not start: %w", m.Name, err)
	}
	m.process, m.killed = started, false
	go func() {
		<-started.Ended()
		m.mutex.Lock()
		expected := m.killed || m.restarting || m.process != started
		m.mutex.Unlock()
		if !expected {
			m.cluster.fail(m.explain(errors.New("ended by itself: " + started.Outcome())))
		}
	}()
	return nil
}

func (m *Member) explain(err error) error {
	return m.log.Explain(fmt.Errorf("%s of the Temporal cluster: %w", m.Name, err))
}

// waitUntilServing returns once the process takes connections.
func (m *Member) waitUntilServing(ctx context.Context) error {
	m.mutex.Lock()
	started := m.process
	m.mutex.Unlock()
	for !m.serves(ctx) {
		select {
		case <-started.Ended():
			return m.explain(errors.New(started.Outcome()))
		default:
		}
		if !pause(ctx) {
			return m.explain(context.Cause(ctx))
		}
	}
	return nil
}

// end sends the signal, and SIGKILL if that does not end the process.
func (m *Member) end(signal syscall.Signal) error {
	m.mutex.Lock()
	running := m.process
	m.killed = true
	m.mutex.Unlock()
	if running == nil {
		return nil
	}
	running.Signal(signal)
	if running.EndsWithin(endTimeout) {
		return nil
	}
	running.Signal(syscall.SIGKILL)
	if running.EndsWithin(endTimeout) {
		return nil
	}
	return fmt.Errorf("%s of the Temporal cluster (process %d) is still there %s after SIGKILL", m.Name, running.ID(), endTimeout)
}

// pause waits an instant before a condition is checked again. It returns false if ctx has ended.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pollInterval):
		return true
	}
}
