package sigv4_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"out_es/test/host"
	"out_es/test/support/sigv4"
)

// TestTheAWSBuildSignsInTheHost loads the plugin of "make aws" over the C ABI,
// and has one chunk signed by the credentials of the process.
func TestTheAWSBuildSignsInTheHost(t *testing.T) {
	built := os.Getenv("OUT_ES_AWS_SO")
	if built == "" {
		t.Skip("OUT_ES_AWS_SO names no out_es_aws.so: make test-all does")
	}
	key := sigv4.Key{ID: "AKIDEXAMPLE", Secret: "hush5/secret", Token: "hush5token", Region: "eu-central-1", Service: "es"}
	var bulks atomic.Int32
	domain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := sigv4.Verify(r, body, key, time.Now()); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if r.Method == http.MethodPost {
			bulks.Add(1)
		}
		_, _ = io.WriteString(w, `{"errors":false,"items":[{"create":{"status":201}}]}`)
	}))
	defer domain.Close()

	nowhere := filepath.Join(t.TempDir(), "none")
	h, err := host.Start(t.Context(), host.Options{Plugin: built, Log: t.Output(), Env: []string{
		"AWS_ACCESS_KEY_ID=" + key.ID, "AWS_SECRET_ACCESS_KEY=" + key.Secret, "AWS_SESSION_TOKEN=" + key.Token, "AWS_PROFILE=",
		"AWS_CONFIG_FILE=" + nowhere, "AWS_SHARED_CREDENTIALS_FILE=" + nowhere, "AWS_EC2_METADATA_DISABLED=true",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	properties := [][2]string{{"Hosts", domain.URL}, {"AWS_Auth", "on"}, {"AWS_Region", key.Region}, {"Retry_Budget", "0"}}
	o, err := h.Init(host.Instance{Properties: properties, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	var chunk host.Chunk
	if err := chunk.AddJSON(time.Now(), fmt.Append(nil, `{"n":1}`)); err != nil {
		t.Fatal(err)
	}
	if code, err := o.Flush(t.Context(), "app", chunk.Bytes); err != nil || code != host.OK {
		t.Errorf("the flush answered %v, %v", code, err)
	}
	if bulks.Load() != 1 {
		t.Errorf("%d bulk requests came, want 1", bulks.Load())
	}
	if err := o.Exit(); err != nil {
		t.Error(err)
	}
	if err := h.Unregister(); err != nil {
		t.Error(err)
	}
}
