package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
)

const (
	// fluentBitImage is the official image that deploy/ and the Dockerfile build on.
	fluentBitImage = "docker.io/fluent/fluent-bit:5.1.1"
	// enginePatience is the time that a Docker engine may take to answer.
	enginePatience = 5 * time.Second
)

// engineAnswers reports whether there is a Docker engine that can share this machine's network and
// files: on Linux only, since elsewhere it runs in a virtual machine, and out_es.so is not built
// for that.
func engineAnswers(ctx context.Context) bool {
	if runtime.GOOS != "linux" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, enginePatience)
	defer cancel()
	return exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Version}}").Run() == nil
}

// chooseImage makes the official image the agent, with the plugin mounted.
// Possible errors: the image is not here and can't be fetched.
func (a *agent) chooseImage(ctx context.Context, s settings, state string, port int) error {
	if exec.CommandContext(ctx, "docker", "image", "inspect", fluentBitImage).Run() != nil {
		fmt.Fprintln(s.out, "Fetching the image", fluentBitImage)
		pull := exec.CommandContext(ctx, "docker", "pull", fluentBitImage)
		pull.Stdout, pull.Stderr = s.out, s.out
		if err := pull.Run(); err != nil {
			return fmt.Errorf("docker pull %s: %w", fluentBitImage, err)
		}
	}
	name := "out_es-run-" + strconv.Itoa(os.Getpid())
	a.name, a.metrics = "Fluent Bit ("+fluentBitImage+")", "http://127.0.0.1:"+strconv.Itoa(port)
	a.cmd = exec.Command("docker", "run", "--rm", "--name", name, "--network", "host",
		"--user", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()),
		"--volume", s.plugin+":/out_es.so:ro",
		"--volume", filepath.Dir(s.conf)+":/conf:ro",
		"--volume", s.examples+":/examples:ro",
		"--volume", filepath.Join(state, storageFolder)+":/state",
		"--env", "ES_URL", "--env", "INDEX_PREFIX", "--env", "EXAMPLES_DIR=/examples", "--env", "STATE_DIR=/state",
		"--entrypoint", "/fluent-bit/bin/fluent-bit", fluentBitImage,
		"-e", "/out_es.so", "-c", "/conf/"+filepath.Base(s.conf), "-P", strconv.Itoa(port))
	// Killing the client leaves the container behind.
	a.cleanUp = func() { _ = exec.Command("docker", "rm", "--force", name).Run() }
	return nil
}
