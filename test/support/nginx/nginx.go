// Package nginx runs the real nginx for tests: a TLS server, and one that
// checks credentials, in front of another server.
package nginx

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/support"
)

// Server is an nginx that runs.
type Server struct {
	// Address is where it listens: host and port.
	Address string

	cmd  *exec.Cmd
	done chan struct{}
	log  string
}

// patience is how long nginx may take to start, or to take a new configuration.
const patience = 10 * time.Second

// Start runs nginx with one server block that listens on a free port of 127.0.0.1. listen is
// appended to the address in its listen directive, "" or "ssl"; block is the rest of the server
// block. The test's end stops it. A machine without nginx skips the test.
func Start(t testing.TB, listen, block string) *Server {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("no nginx on PATH: install Debian's nginx-light, or nginx")
	}
	dir := t.TempDir()
	s := &Server{Address: "127.0.0.1:" + support.FreePort(t), done: make(chan struct{}), log: filepath.Join(dir, "error.log")}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(configuration(dir, s.Address+" "+listen, block)), 0o600); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	s.cmd = exec.Command(program, "-p", dir, "-c", file, "-e", s.log)
	s.cmd.Stdout, s.cmd.Stderr = &output, &output
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // its requests fail
		close(s.done)
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		<-s.done
		if t.Failed() {
			text, _ := os.ReadFile(s.log)
			t.Logf("nginx's log:\n%s%s", &output, text)
		}
	})
	s.await(t, &output)
	return s
}

func (s *Server) await(t testing.TB, output *bytes.Buffer) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		connection, err := net.Dial("tcp", s.Address)
		if err == nil {
			_ = connection.Close()
			return
		}
		select {
		case <-s.done:
			t.Fatalf("nginx ended: %s", output)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx does not listen: %v", err)
		}
	}
}

// configuration keeps everything within dir, so that nginx needs no rights.
func configuration(dir, listen, block string) string {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n"
	}
	var paths strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&paths, "  %s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	return fmt.Sprintf(`%sdaemon off;
pid %s;
worker_processes 1;
events { worker_connections 256; }
http {
  access_log off;
%s  client_max_body_size 100m;
  server {
    listen %s;
%s
  }
}
`, user, filepath.Join(dir, "nginx.pid"), paths.String(), listen, block)
}

// Reload makes nginx read its configuration and its certificates again, as after a renewal. Open
// connections stay.
func (s *Server) Reload(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}
