package security

import (
	"encoding/base64"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	es "out_es/plugin"
	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
	"out_es/test/support/nginx"
)

var update = flag.Bool("update", false, "write testdata/tls/*.golden")

// apiKey is accepted by the servers of these tests.
const apiKey = "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw=="

// realm is an authority, and files of its certificates.
type realm struct {
	*support.Authority
	t   *testing.T
	dir string
}

func newRealm(t *testing.T) *realm {
	return &realm{support.NewAuthority(t, "out_es test"), t, t.TempDir()}
}

func (r *realm) file(name string, text []byte) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func (r *realm) caFile() string { return r.file("ca.pem", r.PEM()) }

// identity writes a certificate and its key to files of that name.
func (r *realm) identity(name string, p support.KeyPair) (cert, key string) {
	return r.file(name+".crt", p.Cert), r.file(name+".key", p.Key)
}

// secured is nginx with TLS in front of Elasticsearch; more are directives of
// its server block.
func (r *realm) secured(s *elasticsearch.Server, subject support.Subject, more ...string) *nginx.Server {
	r.t.Helper()
	cert, key := r.identity("server", r.Issue(subject))
	return nginx.Start(r.t, "ssl", fmt.Sprintf("ssl_certificate %s;\nssl_certificate_key %s;\n%s\n%s", cert, key, strings.Join(more, "\n"), passTo(s)))
}

func passTo(s *elasticsearch.Server) string {
	return "location / { proxy_pass " + s.URL() + "; }"
}

// local is a certificate for this machine.
func local() support.Subject {
	return support.Subject{Name: "es", Hosts: []string{"localhost", "127.0.0.1"}, WithAuthority: true}
}

// onlyBasic, onlyKey and onlyToken let through who says the right thing.
func onlyBasic(r *realm) string {
	return fmt.Sprintf("auth_basic es; auth_basic_user_file %s;", r.file("users", []byte("fluent:{PLAIN}right password\n")))
}

func onlyAuthorization(value string) string {
	return fmt.Sprintf(`default_type application/json;
    if ($http_authorization != "%s") { return 401 '{"error":{"type":"security_exception","reason":"unable to authenticate"},"status":401}'; }`, value)
}

// tlsCase is one way in which a connection works, or fails.
type tlsCase struct {
	name    string
	server  func(r *realm, s *elasticsearch.Server) string // starts it, and returns its address
	options func(r *realm) []string
	works   bool
}

func tlsCases(t *testing.T) []tlsCase {
	plain := func(directives string) func(*realm, *elasticsearch.Server) string {
		return func(r *realm, s *elasticsearch.Server) string {
			return "http://" + nginx.Start(r.t, "", directives+"\n"+passTo(s)).Address
		}
	}
	secured := func(subject support.Subject, more ...string) func(*realm, *elasticsearch.Server) string {
		return func(r *realm, s *elasticsearch.Server) string {
			return "https://" + r.secured(s, subject, more...).Address
		}
	}
	mutual := func(r *realm, s *elasticsearch.Server) string {
		return "https://" + r.secured(s, local(), "ssl_client_certificate "+r.caFile()+"; ssl_verify_client on;").Address
	}
	basic := func(r *realm, s *elasticsearch.Server) string {
		return "https://" + r.secured(s, local(), onlyBasic(r)).Address
	}
	trusting := func(more ...string) func(*realm) []string {
		return func(r *realm) []string { return append([]string{"TLS_CA_File " + r.caFile()}, more...) }
	}
	as := func(issue func(r *realm) support.KeyPair) func(*realm) []string {
		return func(r *realm) []string {
			cert, key := r.identity("client", issue(r))
			return []string{"TLS_CA_File " + r.caFile(), "TLS_Crt_File " + cert, "TLS_Key_File " + key}
		}
	}
	nothing := func(*realm) []string { return nil }
	old := secured(local(), "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;") // OpenSSL 3 speaks it at this level only
	key := secured(local(), onlyAuthorization("ApiKey "+apiKey))
	decoded, err := base64.StdEncoding.DecodeString(apiKey)
	if err != nil {
		t.Fatal(err)
	}
	return []tlsCase{
		{"its authority", secured(local()), trusting(), true},
		{"its fingerprint", secured(local()), func(r *realm) []string { return []string{"TLS_CA_Fingerprint " + r.Fingerprint()} }, true},
		{"wrong authority", secured(local()), func(r *realm) []string {
			return []string{"TLS_CA_File " + r.file("other.pem", support.NewAuthority(r.t, "other").PEM())}
		}, false},
		{"authority of nobody", secured(local()), nothing, false},
		{"wrong fingerprint", secured(local()), func(*realm) []string { return []string{"TLS_CA_Fingerprint " + strings.Repeat("6a0c", 16)} }, false},
		{"expired certificate", secured(support.Subject{Hosts: []string{"127.0.0.1"}, Ends: -24 * time.Hour}), trusting(), false},
		{"another name", func(r *realm, s *elasticsearch.Server) string {
			address := r.secured(s, support.Subject{Hosts: []string{"es.example.com", "10.0.0.1"}}).Address
			return strings.Replace("https://"+address, "127.0.0.1", "localhost", 1)
		}, trusting(), false},
		{"another name that is given", secured(support.Subject{Hosts: []string{"es.example.com"}}), trusting("TLS_Server_Name es.example.com"), true},
		{"not verified", secured(support.Subject{Hosts: []string{"es.example.com"}, Ends: -24 * time.Hour}), func(*realm) []string { return []string{"TLS_Verify off"} }, true},
		{"TLS 1.1 only", old, trusting(), false},
		{"TLS 1.1 only and allowed", old, trusting("TLS_Min_Version 1.1"), true},
		{"mutual", mutual, as(func(r *realm) support.KeyPair { return r.Issue(support.Subject{Name: "agent"}) }), true},
		{"mutual without a certificate", mutual, trusting(), false},
		{"mutual with a strangers certificate", mutual, as(func(r *realm) support.KeyPair {
			return support.NewAuthority(r.t, "other").Issue(support.Subject{Name: "agent"})
		}), false},
		{"mutual with an expired certificate", mutual, as(func(r *realm) support.KeyPair { return r.Issue(support.Subject{Name: "agent", Ends: -24 * time.Hour}) }), false},
		{"basic", basic, trusting("HTTP_User fluent", "HTTP_Passwd right password"), true},
		{"basic in the URL", func(r *realm, s *elasticsearch.Server) string {
			return strings.Replace(basic(r, s), "://", "://fluent:right%20password@", 1)
		}, trusting(), true},
		{"basic with a wrong password", basic, trusting("HTTP_User fluent", "HTTP_Passwd wrong"), false},
		{"basic without a user", basic, trusting(), false},
		{"API key", key, trusting("HTTP_API_Key " + apiKey), true},
		{"API key as id and key", key, trusting("HTTP_API_Key " + string(decoded)), true},
		{"wrong API key", key, trusting("HTTP_API_Key id:wrong"), false},
		{"bearer token", secured(local(), onlyAuthorization("Bearer the-token")), func(r *realm) []string {
			return []string{"TLS_CA_File " + r.caFile(), "Bearer_Token_File " + r.file("token", []byte("the-token\n"))}
		}, true},
		{"wrong bearer token", secured(local(), onlyAuthorization("Bearer the-token")), func(r *realm) []string {
			return []string{"TLS_CA_File " + r.caFile(), "Bearer_Token_File " + r.file("token", []byte("another"))}
		}, false},
		{"header", plain(`if ($http_x_tenant != "blue, green") { return 403; }`), func(*realm) []string { return []string{`Headers X-Tenant: blue\, green`} }, true},
		{"forbidden", plain(`return 403 '{"error":{"type":"security_exception","reason":"action [indices:data/write/bulk] is unauthorized"},"status":403}';`), func(*realm) []string { return []string{"HTTP_API_Key " + apiKey} }, false},
		{"path prefix", func(r *realm, s *elasticsearch.Server) string {
			return "http://" + nginx.Start(r.t, "", "location /es/ { proxy_pass "+s.URL()+"/; }").Address + "/es/"
		}, nothing, true},
		{"plain http to a TLS port", func(r *realm, s *elasticsearch.Server) string { return "http://" + r.secured(s, local()).Address }, nothing, false},
		{"TLS to a plain port", func(r *realm, s *elasticsearch.Server) string {
			return strings.Replace(plain("")(r, s), "http:", "https:", 1)
		}, trusting(), false},
		{"redirected", plain("return 301 https://es.example.com$request_uri;"), nothing, false},
		{"nobody listens", func(r *realm, _ *elasticsearch.Server) string {
			return fmt.Sprintf("http://127.0.0.1:%d", e2e.FreePort(r.t))
		}, nothing, false},
	}
}

// TestTLSAndCredentials brings one chunk by each way, with nginx as the TLS server in front of the
// real Elasticsearch. The lines about failures are in testdata/tls, one file a case.
func TestTLSAndCredentials(t *testing.T) {
	for _, c := range tlsCases(t) {
		t.Run(c.name, func(t *testing.T) {
			s, r := e2e.Cluster(t), newRealm(t)
			index := e2e.FreshIndex(t, s)
			host := c.server(r, s)
			p := e2e.NewInstance(t, append(c.options(r), "Hosts "+host, "Index "+index, "Retry_Budget 0")...)
			outcome := p.Flush("app", e2e.ChunkWith(t, 3, nil))
			p.Close()
			if c.works {
				if outcome != es.OK {
					t.Errorf("%v", outcome)
				}
				e2e.WantRecords(t, s, index, 3)
				return
			}
			if outcome != es.Retry {
				t.Errorf("%v", outcome)
			}
			support.CompareGolden(t, filepath.Join("testdata", "tls", strings.ReplaceAll(c.name, " ", "_")+".golden"), told(t, p.Log.String(), host), *update)
		})
	}
}

var (
	times     = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	counts    = regexp.MustCompile(`failed requests since \d\d:\d\d:\d\d: \d+`)
	prints    = regexp.MustCompile(`\[[0-9a-f ]{129}\]`)
	lineHeads = regexp.MustCompile(`^\[.*?\] (\[ ?\w+\]) \[.*?\] (startup check: )?`)
)

// told are a log's warnings, without their variable parts. The startup check and the first request
// share the line about a failure, whichever comes first.
func told(t *testing.T, log, host string) string {
	t.Helper()
	address, err := url.Parse(host)
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for line := range strings.Lines(log) {
		head := lineHeads.FindStringSubmatch(line)
		if head == nil || !strings.Contains(head[1], "warn") && !strings.Contains(head[1], "error") {
			continue
		}
		line = head[1] + " " + strings.ReplaceAll(line[len(head[0]):], address.Host, "HOST")
		line = prints.ReplaceAllString(times.ReplaceAllString(counts.ReplaceAllString(line, "failed requests since TIME: N"), "TIME"), "[FINGERPRINTS]")
		lines.WriteString(line)
	}
	return lines.String()
}

// TestFluentBitRotation has the real Fluent Bit write through mutual TLS while
// authority, server's certificate and client's are all replaced by others.
func TestFluentBitRotation(t *testing.T) {
	s, r := e2e.Cluster(t), newRealm(t)
	index := e2e.FreshIndex(t, s)
	young := &realm{support.NewAuthority(t, "young"), t, r.dir} // writes the same files
	ca := r.caFile()
	r.identity("client", r.Issue(support.Subject{Name: "agent"}))
	front := r.secured(s, local(), "ssl_client_certificate "+ca+"; ssl_verify_client on; keepalive_timeout 1h;")
	agent := fluentbit.Start(t, e2e.Plugin(), fmt.Sprintf(`[SERVICE]
    Flush 0.2
    scheduler.base 1
    scheduler.cap 2
[INPUT]
    Name dummy
    Dummy {"message":"x"}
    Rate 20
%s`, e2e.Section("https://"+front.Address, index, "Workers 1", "TLS_CA_File "+ca, "TLS_Crt_File "+r.dir+"/client.crt", "TLS_Key_File "+r.dir+"/client.key", "Retry_Max 1s")))
	accepted := func() float64 {
		return agent.Metric(t, `fluentbit_output_es_go_records_total{name="es_go.0",outcome="accepted"}`)
	}
	support.Eventually(t, time.Minute, "documents arrive", func() bool { return accepted() > 10 })
	young.identity("server", young.Issue(local()))
	young.identity("client", young.Issue(support.Subject{Name: "agent"}))
	young.caFile()
	front.Reload(t)
	before := accepted()
	support.Eventually(t, 30*time.Second, "documents arrive under the new certificates", func() bool { return accepted() > before+40 })
	agent.Stop(t)
	if strings.Contains(agent.Log(), "TLS_Verify") {
		t.Error("verification was off")
	}
}
