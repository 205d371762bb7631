package support

import (
	"fmt"
	"net"
	"strconv"
	"testing"
)

// FreePorts are different ports of 127.0.0.1 that were free a moment ago. Another program could
// take one before it is used; then the program that was to have it fails with that reason.
//
// Possible errors: the system has none left.
func FreePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("support: a free port: %w", err)
		}
		defer listener.Close() // after the last: so that none comes twice
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
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
