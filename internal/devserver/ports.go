package devserver

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/loopback"
)

const (
	usualPort   = 7233
	usualUIPort = 8233

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
	if chosen.http, err = loopback.FreePort(chosen.frontend, chosen.ui); err != nil {
		return ports{}, err
	}
	chosen.metrics, err = loopback.FreePort(chosen.frontend, chosen.ui, chosen.http)
	return chosen, err
}

// choosePort returns the named port if there is one. If not, it returns the usual port if that is
// free, and another free port if it is not, but never one of those in use.
func choosePort(ctx context.Context, named, usual int, inUse ...int) (int, error) {
	if named != 0 {
		return named, waitUntilFree(ctx, named)
	}
	if loopback.IsFree(usual) && !slices.Contains(inUse, usual) {
		return usual, nil
	}
	return loopback.FreePort(inUse...)
}

func waitUntilFree(ctx context.Context, port int) error {
	if port < 1 || port > 65535 {
		return fmt.Errorf("port %d for the Temporal dev server: a port is a number from 1 to 65535, or 0 for any", port)
	}
	patient, cancel := context.WithTimeout(ctx, takenPortPatience)
	defer cancel()
	for !loopback.IsFree(port) {
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
