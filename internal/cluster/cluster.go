// Package cluster runs a Temporal server of several processes on PostgreSQL, all on loopback, as
// children of this process: for the benchmark, and for tests that kill one part of a server.
//
// The server's roles are frontend, history in two processes that share the shards, matching and
// worker. The programs are built from tools/cluster, once, which takes 5 minutes and more on 2
// cores. PostgreSQL has to be installed. No child outlives this process, however it ends. If it is
// killed, the files stay, and a few bytes of shared memory of PostgreSQL.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/loopback"
	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// Role is what a process of the cluster does.
type Role string

// The roles, in the order in which they start.
const (
	PostgreSQL Role = "postgresql"
	History    Role = "history"
	Matching   Role = "matching"
	Frontend   Role = "frontend"
	Worker     Role = "worker" // of the server's own workflows
)

const (
	readyTimeout = 2 * time.Minute
	// restartTimeout is for PostgreSQL's recovery, and for its former processes to notice that they
	// have to end.
	restartTimeout = time.Minute
	endTimeout     = 20 * time.Second
)

// Options say how a cluster is set up. The zero value is one with the server's defaults, except
// that every process knows a new namespace after a second.
type Options struct {
	// Messages takes what people should know, a line each, such as how far a build is. Nil: nobody is
	// told.
	Messages io.Writer
	// DynamicConfig are settings of the server, each as KEY=JSON, such as
	// system.enableActivityEagerExecution=false.
	DynamicConfig []string
}

// Cluster is a running server. Its methods may be called from several goroutines at the same time.
type Cluster struct {
	folder  string
	members []*Member // in the order in which they start
	ended   chan struct{}

	mutex    sync.Mutex
	stopping bool
	failure  error // why it ended by itself
}

// Member is one process of the cluster, and after its death the next one in its place.
type Member struct {
	// Name is the role, and a number if there are several of it.
	Name string
	Role Role

	cluster *Cluster
	ports   ports
	command process.Command
	serves  func(context.Context) bool // whether it takes connections

	log process.LogTail

	mutex      sync.Mutex
	process    *process.Process
	killed     bool // since it was started last
	restarting bool
}

// ports are those of a member. PostgreSQL uses the first alone.
type ports struct{ GRPC, Membership, HTTP, profile int }

// Start runs a cluster and returns once every process takes connections and the namespace "default"
// is served. ctx bounds the start, including a build of the programs, but not the cluster's life
// afterwards. The caller ends the cluster with [Cluster.Stop]. An error says what is missing or has
// failed, with the last lines of a log; then nothing is left running.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	if options.Messages == nil {
		options.Messages = io.Discard
	}
	database, err := findPostgreSQL() // first, since a build takes minutes
	if err != nil {
		return nil, err
	}
	programs, err := build(ctx, options.Messages)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "temporal-2captcha-cluster-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{folder: folder, ended: make(chan struct{})}
	if err := c.start(ctx, options, programs, database); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, options Options, programs programs, database postgreSQL) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, fmt.Errorf("it was not ready within %s", readyTimeout))
	defer cancel()
	if err := c.choosePorts(); err != nil {
		return err
	}
	command, err := database.newDatabase(ctx, c.folder, c.Database())
	if err != nil {
		return err
	}
	c.member(PostgreSQL).command = command
	c.member(PostgreSQL).serves = func(ctx context.Context) bool { return database.serves(ctx, c.Database()) }
	if err := c.configure(options, programs.server); err != nil {
		return err
	}
	for i, member := range c.members {
		if err := member.start(); err != nil {
			return err
		}
		if i == 0 { // PostgreSQL
			if err := setUpSchemas(ctx, programs.sqlTool, member); err != nil {
				return err
			}
		}
		if i == 1 { // the first of the server, which writes the cluster's metadata: of two at once one fails
			if err := member.waitUntilServing(ctx); err != nil {
				return err
			}
		}
	}
	for _, member := range c.members {
		if err := member.waitUntilServing(ctx); err != nil {
			return err
		}
	}
	return c.waitUntilReady(ctx)
}

// choosePorts decides which members there are, and their ports.
func (c *Cluster) choosePorts() error {
	var taken []int
	for _, member := range []*Member{
		{Name: "postgresql", Role: PostgreSQL}, {Name: "history-1", Role: History}, {Name: "history-2", Role: History},
		{Name: "matching", Role: Matching}, {Name: "frontend", Role: Frontend}, {Name: "worker", Role: Worker},
	} {
		member.cluster = c
		member.serves = func(context.Context) bool { return loopback.IsServed(member.ports.GRPC) }
		for _, port := range []*int{&member.ports.GRPC, &member.ports.Membership, &member.ports.HTTP, &member.ports.profile} {
			var err error
			if *port, err = loopback.FreePort(taken...); err != nil {
				return err
			}
			taken = append(taken, *port)
		}
		c.members = append(c.members, member)
	}
	return nil
}

// Address is the host and port of the frontend's gRPC API, as client.Options.HostPort takes it.
func (c *Cluster) Address() string { return loopback.Address(c.member(Frontend).ports.GRPC) }

// Database is the host and port of PostgreSQL, which takes the user "temporal" without a password.
// Its databases are "temporal" and "temporal_visibility".
func (c *Cluster) Database() string { return loopback.Address(c.member(PostgreSQL).ports.GRPC) }

// Members are the processes, in the order in which they start.
func (c *Cluster) Members() []*Member { return slices.Clone(c.members) }

// member is the first one of a role.
func (c *Cluster) member(role Role) *Member {
	return c.members[slices.IndexFunc(c.members, func(member *Member) bool { return member.Role == role })]
}

// Done is closed when the cluster has been stopped, or one of its processes has ended by itself.
func (c *Cluster) Done() <-chan struct{} { return c.ended }

// Err says which process has ended by itself before Stop, and how, with the last lines of its log.
// It is nil if none has.
func (c *Cluster) Err() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.failure
}

// Stop ends all processes and removes what they have written. It returns nil if they had ended
// before. An error says what can't be ended or removed.
func (c *Cluster) Stop() error {
	c.mutex.Lock()
	stopped := c.stopping
	c.stopping = true
	if !stopped && c.failure == nil {
		close(c.ended)
	}
	c.mutex.Unlock()
	var errs []error
	for _, member := range slices.Backward(c.members) {
		signal := syscall.SIGKILL
		if member.Role == PostgreSQL {
			signal = syscall.SIGINT // a killed one leaves a segment of shared memory behind
		}
		errs = append(errs, member.end(signal))
	}
	return errors.Join(append(errs, os.RemoveAll(c.folder))...)
}

func (c *Cluster) isStopping() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.stopping
}

// fail notes that a member has ended by itself.
func (c *Cluster) fail(err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !c.stopping && c.failure == nil {
		c.failure = err
		close(c.ended)
	}
}
