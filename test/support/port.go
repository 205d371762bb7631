package support

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Ports below those of outgoing connections (Linux: from 32768 on, macOS: 49152). On a busy machine
// a connection takes one of these now and then before the program listens on it.
const (
	firstPort = 10000
	lastPort  = 32767
	portTries = 1000
)

// handedOut are the ports that FreePorts has returned in this process.
var handedOut sync.Map

// FreePorts returns ports of 127.0.0.1 that nothing listens on, none of them twice in a process.
//
// Possible errors: none was found.
func FreePorts(n int) ([]int, error) {
	var ports []int
	for range portTries {
		if len(ports) == n {
			break
		}
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		_ = listener.Close()
		if _, before := handedOut.LoadOrStore(port, true); !before {
			ports = append(ports, port)
		}
	}
	if len(ports) < n {
		return nil, fmt.Errorf("support: %d free ports from %d to %d were not found", n, firstPort, lastPort)
	}
	return ports, nil
}

// FreePort is one of FreePorts, as configurations and commands have it.
func FreePort(t testing.TB) string {
	t.Helper()
	ports, err := FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(ports[0])
}
