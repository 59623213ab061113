// Package loopback finds ports for servers that this project starts on the machine's loopback
// address.
package loopback

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"time"
)

// Host is the address that the servers listen on.
const Host = "127.0.0.1"

const (
	// Free ports are looked for below those that the system hands out (from 32768 on Linux, from
	// 49152 on macOS). It could give one of those to a client that connects while the server is
	// killed and started again.
	lowestFreePort  = 20000
	highestFreePort = 29999
	freePortTries   = 100
)

// Address is the host and the port, as net.Dial takes them.
func Address(port int) string { return net.JoinHostPort(Host, strconv.Itoa(port)) }

// FreePort returns a port that nobody listens on, other than those in use. Another program may take
// it before the caller does.
func FreePort(inUse ...int) (int, error) {
	for range freePortTries {
		port := lowestFreePort + rand.IntN(highestFreePort-lowestFreePort+1)
		if IsFree(port) && !slices.Contains(inUse, port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port for a server: %d of those from %d to %d were tried, and none is free",
		freePortTries, lowestFreePort, highestFreePort)
}

// IsServed reports whether somebody takes connections on the port.
func IsServed(port int) bool {
	connection, err := net.DialTimeout("tcp", Address(port), time.Second)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}

// IsFree reports whether nobody listens on the port. For an instant it listens there itself.
func IsFree(port int) bool {
	// macOS lets a program listen on 127.0.0.1 beside one that listens on every address, so that a
	// listener alone doesn't show that the port is free.
	if IsServed(port) {
		return false
	}
	listener, err := net.Listen("tcp", Address(port))
	if err != nil {
		return false
	}
	listener.Close()
	return true
}
