package dist

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/host"
	"out_es/test/support"
	"out_es/test/support/sigv4"
)

// foreign returns the tools for an architecture other than this machine's.
func foreign(t *testing.T, arch string) (compiler string, runner []string) {
	t.Helper()
	a := architectures[arch]
	if a.goarch == runtime.GOARCH {
		return "", nil
	}
	for _, program := range []string{a.triplet + "-gcc", a.emulator} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%v: the plugin for %s can't be run. Debian, Ubuntu: apt-get install gcc-%s qemu-user", err, arch, strings.ReplaceAll(a.triplet, "_", "-"))
		}
	}
	return a.triplet + "-gcc", []string{a.emulator, "-L", "/usr/" + a.triplet}
}

// key is the key for signatures.
var key = sigv4.Key{ID: "AKIDEXAMPLE", Secret: "hush5/secret", Token: "hush5token", Region: "eu-central-1", Service: "es"}

// domain protects the server as Amazon's does: it rejects requests that are not signed by key.
func domain(t *testing.T, server string) string {
	t.Helper()
	behind, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = sigv4.Verify(r, body, key, time.Now())
		}
		if err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// TestItDelivers drives each plugin over the C ABI with the real Elasticsearch, the one for AWS
// with signed requests. Each names its version at start.
func TestItDelivers(t *testing.T) {
	folder(t)
	server := elasticsearch.ForTest(t, elasticsearch.Options{})
	nowhere := filepath.Join(t.TempDir(), "none")
	credentials := []string{
		"AWS_ACCESS_KEY_ID=" + key.ID, "AWS_SECRET_ACCESS_KEY=" + key.Secret, "AWS_SESSION_TOKEN=" + key.Token, "AWS_PROFILE=",
		"AWS_CONFIG_FILE=" + nowhere, "AWS_SHARED_CREDENTIALS_FILE=" + nowhere, "AWS_EC2_METADATA_DISABLED=true",
	}
	for arch := range architectures {
		for _, plugin := range plugins {
			t.Run(arch+"/"+plugin, func(t *testing.T) {
				compiler, runner := foreign(t, arch)
				index := strings.ReplaceAll(plugin, ".so", "-"+arch)
				log := &support.Journal{}
				options := host.Options{Plugin: filepath.Join(unpack(t, arch), plugin), Log: log, Compiler: compiler, Runner: runner}
				properties := [][2]string{{"Hosts", server.URL()}, {"Index", index}, {"Generate_ID", "on"}, {"Request_Timeout", "30s"}}
				if plugin == "out_es_aws.so" {
					options.Env = credentials
					properties[0][1] = domain(t, server.URL())
					properties = append(properties, [2]string{"AWS_Auth", "on"}, [2]string{"AWS_Region", key.Region})
				}
				const records = 1000
				deliver(t, options, properties, records)
				if err := server.Refresh(t.Context(), index); err != nil {
					t.Error(err)
				}
				if count, err := server.Count(t.Context(), index); err != nil || count != records {
					t.Errorf("%d documents of %d are there (%v)\n%s", count, records, err, log)
				}
				version := os.Getenv("OUT_ES_VERSION")
				if plugin == "out_es_aws.so" {
					version += "+aws"
				}
				said := fmt.Sprintf("version %s (%s, %s)", version, os.Getenv("OUT_ES_COMMIT"), runtime.Version())
				if !strings.Contains(log.String(), said) {
					t.Errorf("it does not say %q at start:\n%s", said, log)
				}
			})
		}
	}
}

// deliver loads a plugin, gives it records and unloads it.
func deliver(t *testing.T, options host.Options, properties [][2]string, records int) {
	t.Helper()
	h, err := host.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	output, err := h.Init(host.Instance{Workers: 1, Properties: properties})
	if err != nil {
		t.Fatalf("%v\n%s", err, options.Log)
	}
	chunks, err := host.Chunks(host.Nested, time.Now(), slices.Repeat([]string{`{"log":"a line","n":1}`}, records)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, chunk := range chunks {
		if code, err := output.Flush(t.Context(), "app", chunk.Bytes); err != nil || code != host.OK {
			t.Fatalf("the flush ended with %v, %v\n%s", code, err, options.Log)
		}
	}
	if err := errors.Join(output.Exit(), h.Unregister()); err != nil {
		t.Error(err)
	}
}
