package devserver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"time"
)

const (
	usualPort   = 7233
	usualUIPort = 8233

	// Free ports are looked for below those that the system hands out (from 32768 on Linux, from
	// 49152 on macOS). It could give one of those to a client that connects while the server is
	// killed and started again.
	lowestFreePort  = 20000
	highestFreePort = 29999
	freePortTries   = 100

	// takenPortPatience is for a process that holds a port for an instant, to see whether it is free.
	takenPortPatience = 2 * time.Second
)

type ports struct {
	frontend int // the gRPC API
	ui       int
	http     int // the HTTP API, which tells the server from another one on the same gRPC port
	metrics  int
}

// choosePorts takes the ports that the options name. For others it takes the usual ones if they are
// free, and other free ports if they are not.
func choosePorts(ctx context.Context, options Options) (ports, error) {
	var chosen ports
	var err error
	if chosen.frontend, err = choosePort(ctx, options.Port, usualPort); err != nil {
		return ports{}, err
	}
	if chosen.ui, err = choosePort(ctx, options.UIPort, usualUIPort, chosen.frontend); err != nil {
		return ports{}, err
	}
	if chosen.http, err = freePort(chosen.frontend, chosen.ui); err != nil {
		return ports{}, err
	}
	chosen.metrics, err = freePort(chosen.frontend, chosen.ui, chosen.http)
	return chosen, err
}

// choosePort returns the named port if there is one. If not, it returns the usual port if that is
// free, and another free port if it is not, but never one of those in use.
func choosePort(ctx context.Context, named, usual int, inUse ...int) (int, error) {
	if named != 0 {
		return named, waitUntilFree(ctx, named)
	}
	if isFree(usual) && !slices.Contains(inUse, usual) {
		return usual, nil
	}
	return freePort(inUse...)
}

func waitUntilFree(ctx context.Context, port int) error {
	if port < 1 || port > 65535 {
		return fmt.Errorf("port %d for the Temporal dev server: a port is a number from 1 to 65535, or 0 for any", port)
	}
	patient, cancel := context.WithTimeout(ctx, takenPortPatience)
	defer cancel()
	for !isFree(port) {
		if pause(patient) {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("port %d for the Temporal dev server is taken by another program: "+
			"end that one, or name another port", port)
	}
	return nil
}

func freePort(inUse ...int) (int, error) {
	for range freePortTries {
		port := lowestFreePort + rand.IntN(highestFreePort-lowestFreePort+1)
		if isFree(port) && !slices.Contains(inUse, port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port for the Temporal dev server: %d of those from %d to %d were tried, and none is free",
		freePortTries, lowestFreePort, highestFreePort)
}

func isFree(port int) bool {
	// macOS lets a program listen on 127.0.0.1 beside one that listens on every address, so that a
	// listener alone doesn't show that the port is free.
	if connection, err := net.DialTimeout("tcp", address(port), time.Second); err == nil {
		connection.Close()
		return false
	}
	listener, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	listener.Close()
	return true
}
