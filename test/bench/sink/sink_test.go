package sink

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"out_es/test/support"
)

const twoDocuments = "{\"create\":{\"_index\":\"a\"}}\n{\"n\":1}\n{\"create\":{}}\n{\"n\":2}\n"

type answer struct {
	Took   *int
	Errors bool
	Items  []map[string]struct {
		Index  string `json:"_index"`
		Status int
		Error  *struct{ Type, Reason string }
	}
}

func post(t *testing.T, s *Sink, query string, body io.Reader, header string) (a answer, length int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.Address()+"/_bulk"+query, body)
	if err != nil {
		t.Fatal(err)
	}
	if header != "" {
		request.Header.Set("Content-Encoding", header)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &a); err != nil || response.Header.Get("X-Elastic-Product") != "Elasticsearch" {
		t.Fatalf("%v: %.200s", err, text)
	}
	return a, len(text)
}

func start(t *testing.T, answers Answers) *Sink {
	t.Helper()
	s, err := Start(answers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Go)
	return s
}

func TestAnAnswerHasAnItemForEachDocument(t *testing.T) {
	s := start(t, Answers{})
	whole, _ := post(t, s, "", strings.NewReader(twoDocuments), "")
	if whole.Took == nil || whole.Errors || len(whole.Items) != 2 || whole.Items[1]["create"].Status != 201 || whole.Items[0]["create"].Index == "" {
		t.Errorf("without filter_path: %+v", whole)
	}
	filtered, _ := post(t, s, "?filter_path=errors,items.*.status", strings.NewReader(strings.ReplaceAll(twoDocuments, "create", "index")), "")
	if filtered.Took != nil || len(filtered.Items) != 2 || filtered.Items[0]["index"].Status != 201 || filtered.Items[0]["index"].Index != "" {
		t.Errorf("with filter_path: %+v", filtered)
	}
	if c := s.Count(); c.Requests != 2 || c.Documents != 4 || c.Connections != 1 {
		t.Errorf("it counted %+v", c)
	}
}

func TestBodiesTravelInAnyWay(t *testing.T) {
	s := start(t, Answers{})
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = io.WriteString(w, twoDocuments)
	_ = w.Close()
	wire := int64(packed.Len())
	for range 2 { // the second with the reader of the first
		if a, _ := post(t, s, "", bytes.NewReader(packed.Bytes()), "gzip"); len(a.Items) != 2 {
			t.Errorf("gzip: %+v", a)
		}
	}
	if c := s.Count(); c.Wire != 2*wire || c.Body != 2*int64(len(twoDocuments)) {
		t.Errorf("it counted %+v, of %d bytes each", c, wire)
	}
	if a, _ := post(t, s, "", io.MultiReader(strings.NewReader(twoDocuments)), ""); len(a.Items) != 2 { // of unknown length: chunked
		t.Errorf("chunked: %+v", a)
	}
	s.Reset()
	if c := s.Count(); c.Documents != 0 {
		t.Errorf("after Reset: %+v", c)
	}
}

func TestOtherBodiesAreNotCounted(t *testing.T) {
	for body, want := range map[string]int{"": 0, "hello\n": 0, "{\"create\":{}}\n": 0, "{\"create\":{}}\n{}\nhello\n{}\n": 1, twoDocuments: 2} {
		if got, _ := countDocuments([]byte(body)); got != want {
			t.Errorf("%q: %d documents, want %d", body, got, want)
		}
	}
}

func TestALargeAnswerRejectsAll(t *testing.T) {
	const size = 1 << 20
	a, length := post(t, start(t, Answers{RefusedBytes: size}), "?filter_path=errors", strings.NewReader(twoDocuments), "")
	if !a.Errors || len(a.Items) != 2 || a.Items[0]["create"].Status != 400 || a.Items[1]["create"].Error == nil || length < size/2 || length > 2*size {
		t.Errorf("%d bytes, %d items, errors %v", length, len(a.Items), a.Errors)
	}
}

func TestASinkComesBackOnItsPort(t *testing.T) {
	s := start(t, Answers{})
	post(t, s, "", strings.NewReader(twoDocuments), "")
	port := s.Port()
	s.Go()
	if _, err := http.Get("http://" + s.Address()); err == nil {
		t.Error("it answers though it is gone")
	}
	if err := s.Come(); err != nil || s.Port() != port {
		t.Fatalf("port %d, was %d: %v", s.Port(), port, err)
	}
	if a, _ := post(t, s, "", strings.NewReader(twoDocuments), ""); len(a.Items) != 2 {
		t.Errorf("%+v", a)
	}
}

func TestAnswersOverTLSAndAfterAWhile(t *testing.T) {
	const after = 20 * time.Millisecond
	authority := support.NewAuthority(t, "sink")
	certificate := authority.Issue(support.Subject{Name: "sink", Hosts: []string{"127.0.0.1"}}).TLS(t)
	s := start(t, Answers{After: after, TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority.PEM())
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	began := time.Now()
	response, err := client.Post("https://"+s.Address()+"/_bulk", "", strings.NewReader(twoDocuments))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var a answer
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil || len(a.Items) != 2 {
		t.Errorf("%v: %+v", err, a)
	}
	if took := time.Since(began); took < after {
		t.Errorf("answered after %s, not %s", took, after)
	}
}
