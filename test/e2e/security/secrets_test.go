package security

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/host"
	"out_es/test/support"
)

// The secrets of these tests. Each has characters that URLs, JSON and base64
// write in other ways.
var secrets = map[string]string{
	"password": `pA5s/w+rd 'x' &%41`, "API key": "kE9y/+Zz-qq", "token": "tO7ken/+.aa-bb", "header": "hE3ader; x=1/+&",
	"key password": "kP2w/+ d%", "proxy password": "pR8x/+@&", "external id": "eX6t/+ id",
}

// forms are the ways in which a text can be written somewhere.
func forms(secret string) []string {
	all := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), url.UserPassword("u", secret).String()[2:], strconv.Quote(secret)}
	for _, text := range []string{secret, "fluent:" + secret, "id:" + secret, "elastic:" + secret, "u:" + secret} {
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			all = append(all, encoding.EncodeToString([]byte(text)))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// repeater fails in the way that the first part of a request's path names, and repeats the
// request's credentials in its answers.
func repeater(t *testing.T) *httptest.Server {
	t.Helper()
	serve := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		said := strings.Join(append(r.Header.Values("Authorization"), r.Header.Values("X-Secret")...), " ")
		if _, credential, found := strings.Cut(said, " "); found {
			if decoded, err := base64.StdEncoding.DecodeString(strings.Fields(credential)[0]); err == nil {
				said += " " + string(decoded) + " " + url.QueryEscape(string(decoded))
			}
		}
		way, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch way {
		case "cut":
			panic(http.ErrAbortHandler)
		case "page":
			fmt.Fprintf(w, "<html><title>%s</title></html>", said)
		case "redirect":
			w.Header().Set("Location", "http://u:"+url.PathEscape(said)+"@elsewhere.example.com/")
			w.WriteHeader(http.StatusFound)
		case "bad-page":
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, "<html><title>%s</title></html>", said)
		default:
			status, err := strconv.Atoi(way)
			if err != nil {
				status = http.StatusProxyAuthRequired // CONNECT
			}
			w.Header().Set("Www-Authenticate", said)
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":{"type":"security_exception","reason":%q},"status":%d}`, said, status)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(serve))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(server.Close)
	return server
}

// TestNoSecretIsEverShown starts the plugin with every secret option, lets
// every kind of failure happen to each, and looks for the secrets in all that
// comes out: log lines down to trace, metrics, errors.
func TestNoSecretIsEverShown(t *testing.T) {
	r := newRealm(t)
	plain := repeater(t)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{support.NewAuthority(t, "stranger").Issue(local()).TLS(t)}}
	secure.StartTLS()
	t.Cleanup(secure.Close)

	h, log := e2e.StartHost(t, host.Options{LogLevel: "trace"})
	out := &support.Journal{}
	fail := func(name string, options []string) {
		t.Helper()
		var properties [][2]string
		for _, option := range append(options, "Retry_Budget 0", "Request_Timeout 2s", "Trace_Error on") {
			key, value, _ := strings.Cut(option, " ")
			properties = append(properties, [2]string{key, value})
		}
		o, err := h.Init(host.Instance{Properties: properties, Workers: 1})
		if err != nil {
			fmt.Fprintln(out, err)
			if !errors.As(err, new(*host.InitError)) || !strings.HasPrefix(name, "refused at start") {
				t.Errorf("%s: %v", name, err)
			}
			return
		}
		code, err := o.Flush(t.Context(), "app", e2e.ChunkOf(t, host.Nested, 0, 2))
		fmt.Fprintln(out, code, err)
		if code == host.OK && !strings.HasSuffix(name, ", 400") && !strings.HasSuffix(name, ", 413") { // those refuse the documents
			t.Errorf("%s: it was delivered", name)
		}
		scrape, err := h.Scrape()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(out, scrape)
		if err := o.Exit(); err != nil {
			t.Fatal(err)
		}
	}

	cert, key := r.identity("client", r.Issue(support.Subject{}))
	proxy := strings.Replace(plain.URL, "://", "://u:"+url.PathEscape(secrets["proxy password"])+"@", 1)
	credentials := map[string][]string{
		"basic":       {"HTTP_User fluent", "HTTP_Passwd " + secrets["password"]},
		"key":         {"HTTP_API_Key id:" + secrets["API key"]},
		"encoded key": {"HTTP_API_Key " + base64.StdEncoding.EncodeToString([]byte("id:"+secrets["API key"]))},
		"key file":    {"HTTP_API_Key_File " + r.file("key", []byte("id:"+secrets["API key"]))},
		"token":       {"Bearer_Token_File " + r.file("token", []byte(secrets["token"]))},
		"header":      {"Headers Authorization: Custom " + secrets["header"] + ", X-Secret: " + secrets["header"]},
		"URL":         nil,
		"proxy":       {"Proxy " + proxy},
	}
	for name, credential := range credentials {
		login := ""
		if name == "URL" {
			login = "fluent:" + url.PathEscape(secrets["password"]) + "@"
		}
		for _, way := range []string{"401", "403", "404", "407", "413", "429", "500", "503", "400", "cut", "page", "redirect", "bad-page"} {
			address := strings.Replace(plain.URL, "://", "://"+login, 1)
			fail(name+", "+way, append([]string{"Hosts " + address + "/" + way}, credential...))
		}
		fail(name+", nobody there", append([]string{"Hosts http://" + login + "127.0.0.1:1 http://" + login + "127.0.0.1:2"}, credential...))
		fail(name+", no such host", append([]string{"Hosts http://" + login + "es.invalid"}, credential...))
		fail(name+", untrusted", append([]string{"Hosts " + strings.Replace(secure.URL, "://", "://"+login, 1), "TLS_CA_File " + r.caFile(), "TLS_Crt_File " + cert,
			"TLS_Key_File " + key, "TLS_Key_Passwd " + secrets["key password"]}, credential...))
		fail(name+", TLS to a plain port", append([]string{"Hosts " + strings.Replace(plain.URL, "http://", "https://"+login, 1)}, credential...))
	}
	cloud := base64.StdEncoding.EncodeToString([]byte("es.invalid$abc$def"))
	fail("cloud", []string{"Cloud_ID name:" + cloud, "Cloud_Auth elastic:" + secrets["password"]})

	all := []string{"AWS_Auth on", "AWS_External_ID " + secrets["external id"], "Cloud_Auth elastic:" + secrets["password"], "TLS_Key_Passwd " + secrets["key password"], "Bulk_Size wrong"}
	for _, name := range []string{"basic", "key", "token", "header", "proxy"} {
		all = append(all, credentials[name]...)
	}
	fail("refused at start: all at once", append(all, "Hosts http://u:"+secrets["password"]+"@es"))
	fail("refused at start: a wrong proxy", []string{"Hosts es", "Proxy " + strings.Replace(proxy, "http:", "ftp:", 1)})
	fail("refused at start: wrong headers", []string{"Hosts es", "Headers " + secrets["header"]})
	fail("refused at start: a wrong token", []string{"Hosts es", "Bearer_Token_File " + r.file("two", []byte(secrets["token"]+" "+secrets["token"]))})
	fail("refused at start: a key as certificate", []string{"Hosts https://es", "TLS_Crt_File " + key, "TLS_Key_File " + cert, "TLS_Key_Passwd " + secrets["key password"]})

	support.Eventually(t, time.Minute, "the log has what is wrong with the last section", func() bool { return strings.Contains(log.String(), "TLS_Crt_File") })
	text := log.String() + out.String()
	for _, must := range []string{"401", "certificate signed by unknown authority", "connection refused", "no such host", "Bulk_Size", "fluentbit_output_es_go_requests_total", "***"} {
		if !strings.Contains(text, must) {
			t.Errorf("nothing was told of %s: the test looks in the wrong place", must)
		}
	}
	for name, secret := range secrets {
		for _, form := range forms(secret) {
			if at := strings.Index(text, form); at >= 0 {
				t.Errorf("the %s is told, as %q: …%s…", name, form, text[max(0, at-200):min(len(text), at+200)])
			}
		}
	}
}
