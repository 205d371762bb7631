package elastic_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
	"out_es/test/support"
)

// secureServer accepts one document, with TLS as config says.
func secureServer(t *testing.T, config *tls.Config) string {
	t.Helper()
	server := httptest.NewUnstartedServer(accept(1))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // its handshakes fail on purpose
	server.TLS = config
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// write puts text into a file, as a mounted secret is replaced: at once.
func write(t *testing.T, path string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return path
}

func post(t *testing.T, client *elastic.Client) *bulk.Failure {
	t.Helper()
	_, failure := send(t, client, newRequest(t, bulk.Plain, 1, 10))
	return failure
}

func TestWhomTLSTrusts(t *testing.T) {
	authority, other := support.NewAuthority(t, "ours"), support.NewAuthority(t, "another")
	dir := t.TempDir()
	file := func(name string, text []byte) string { return write(t, filepath.Join(dir, name), text) }
	serve := func(s support.Subject) string {
		return secureServer(t, &tls.Config{Certificates: []tls.Certificate{authority.Issue(s).TLS(t)}})
	}
	address := []string{"127.0.0.1"}
	whole := serve(support.Subject{Hosts: address, WithAuthority: true})
	alone := serve(support.Subject{Hosts: address})
	named := serve(support.Subject{Hosts: []string{"es.example.com"}, WithAuthority: true})
	expired := serve(support.Subject{Hosts: address, Ends: -time.Hour, WithAuthority: true})
	ca, both := file("ca.pem", authority.PEM()), file("both.pem", append(other.PEM(), authority.PEM()...))
	wrong := file("wrong.pem", other.PEM())
	fingerprint := authority.Fingerprint()
	leafOf := func(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }
	for name, c := range map[string]struct {
		host   string
		tls    elastic.TLS
		remedy string // "" where it works
	}{
		"its authority":                           {alone, elastic.TLS{CAFile: ca}, ""},
		"its authority among others":              {alone, elastic.TLS{CAFile: both}, ""},
		"another authority":                       {whole, elastic.TLS{CAFile: wrong}, "TLS_CA_File"},
		"the machine's authorities":               {whole, elastic.TLS{}, "TLS_CA_File"},
		"another name":                            {leafOf(whole), elastic.TLS{CAFile: ca}, "TLS_Server_Name"},
		"the name that is given":                  {named, elastic.TLS{CAFile: ca, ServerName: "es.example.com"}, ""},
		"a name that is given wrong":              {named, elastic.TLS{CAFile: ca, ServerName: "es.example.org"}, "TLS_Server_Name"},
		"a certificate that has expired":          {expired, elastic.TLS{CAFile: ca}, "clock"},
		"the fingerprint":                         {whole, elastic.TLS{CAFingerprint: fingerprint}, ""},
		"the fingerprint, authority not sent":     {alone, elastic.TLS{CAFingerprint: fingerprint}, "TLS_CA_File"},
		"the fingerprint of another":              {whole, elastic.TLS{CAFingerprint: other.Fingerprint()}, "TLS_CA_Fingerprint"},
		"the fingerprint, but another name":       {leafOf(whole), elastic.TLS{CAFingerprint: fingerprint}, "TLS_Server_Name"},
		"the fingerprint and the name":            {named, elastic.TLS{CAFingerprint: fingerprint, ServerName: "es.example.com"}, ""},
		"the fingerprint, expired":                {expired, elastic.TLS{CAFingerprint: fingerprint}, "clock"},
		"nobody is asked":                         {expired, elastic.TLS{SkipVerify: true}, ""},
		"nobody is asked, of another name either": {leafOf(alone), elastic.TLS{SkipVerify: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			failure := post(t, newClient(t, elastic.Options{TLS: c.tls}, c.host))
			switch {
			case c.remedy == "" && failure != nil:
				t.Error(failure)
			case c.remedy != "" && (failure == nil || failure.Class != bulk.Unreachable || !strings.Contains(failure.Remedy, c.remedy)):
				t.Errorf("%v", failure)
			}
		})
	}
}

// A certificate that another server's authority signed is no use for this one,
// though it is sent along with the authority that is trusted.
func TestAFingerprintIsNotTakenForAStrangersCertificate(t *testing.T) {
	trusted, stranger := support.NewAuthority(t, "trusted"), support.NewAuthority(t, "stranger")
	pair := stranger.Issue(support.Subject{Hosts: []string{"127.0.0.1"}})
	pair.Cert = append(pair.Cert, trusted.PEM()...)
	host := secureServer(t, &tls.Config{Certificates: []tls.Certificate{pair.TLS(t)}})
	if failure := post(t, newClient(t, elastic.Options{TLS: elastic.TLS{CAFingerprint: trusted.Fingerprint()}}, host)); failure == nil {
		t.Error("it is trusted")
	}
}

func TestTheOldestVersionThatIsSpoken(t *testing.T) {
	authority := support.NewAuthority(t, "ours")
	ca := write(t, filepath.Join(t.TempDir(), "ca.pem"), authority.PEM())
	pair := authority.Issue(support.Subject{Hosts: []string{"127.0.0.1"}}).TLS(t)
	for _, server := range []uint16{tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		host := secureServer(t, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS10, MaxVersion: server})
		for _, least := range []uint16{tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
			failure := post(t, newClient(t, elastic.Options{TLS: elastic.TLS{CAFile: ca, MinVersion: least}}, host))
			if (failure == nil) != (server >= least) || failure != nil && !strings.Contains(failure.Remedy, "TLS_Min_Version") {
				t.Errorf("a server of %x, at least %x: %v", server, least, failure)
			}
		}
	}
}

// mutual is a server that wants certificates of an authority.
func mutual(t *testing.T, authority *support.Authority, version uint16) string {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority.PEM())
	pair := authority.Issue(support.Subject{Hosts: []string{"127.0.0.1"}}).TLS(t)
	return secureServer(t, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MaxVersion: version})
}

func TestAServerThatWantsACertificate(t *testing.T) {
	authority, other := support.NewAuthority(t, "ours"), support.NewAuthority(t, "another")
	dir := t.TempDir()
	ca := write(t, filepath.Join(dir, "ca.pem"), authority.PEM())
	identity := func(name string, p support.KeyPair) elastic.TLS {
		return elastic.TLS{CAFile: ca, CertFile: write(t, filepath.Join(dir, name+".pem"), p.Cert), KeyFile: write(t, filepath.Join(dir, name+".key"), p.Key)}
	}
	for version, name := range map[uint16]string{tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"} {
		host := mutual(t, authority, version)
		for _, c := range []struct {
			name   string
			tls    elastic.TLS
			remedy string
		}{
			{"its own", identity("good", authority.Issue(support.Subject{})), ""},
			{"none", elastic.TLS{CAFile: ca}, "TLS_Crt_File"},
			{"a stranger's", identity("bad", other.Issue(support.Subject{})), "TLS_Crt_File"},
			{"an expired one", identity("old", authority.Issue(support.Subject{Ends: -time.Hour})), "TLS_Crt_File"},
		} {
			t.Run(name+", "+c.name, func(t *testing.T) {
				client := newClient(t, elastic.Options{TLS: c.tls}, host)
				failure := post(t, client)
				// Under TLS 1.3 a server refuses after the client has shaken hands: what the client
				// writes then may fail before it reads why. The next attempt tells.
				for try := 0; try < 20 && c.remedy != "" && failure != nil && !strings.Contains(failure.Remedy, c.remedy); try++ {
					failure = post(t, client)
				}
				if (failure == nil) != (c.remedy == "") || failure != nil && !strings.Contains(failure.Remedy, c.remedy) {
					t.Errorf("%+v", failure)
				}
			})
		}
	}
}

// TestKeysAsOpenSSLWritesThem reads what the real openssl encrypted.
func TestKeysAsOpenSSLWritesThem(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl: install the package openssl")
	}
	authority := support.NewAuthority(t, "ours")
	host := mutual(t, authority, 0)
	dir := t.TempDir()
	ca := write(t, filepath.Join(dir, "ca.pem"), authority.PEM())
	pair := authority.Issue(support.Subject{})
	cert, plain := write(t, filepath.Join(dir, "c.pem"), pair.Cert), write(t, filepath.Join(dir, "c.key"), pair.Key)
	const password = "pass:hush5 mum7"
	for name, arguments := range map[string][]string{
		"PKCS#8, OpenSSL 3's default":     {"pkcs8", "-topk8", "-in", plain, "-passout", password},
		"PKCS#8, AES-128 and SHA-1":       {"pkcs8", "-topk8", "-in", plain, "-passout", password, "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"},
		"PKCS#8, triple DES":              {"pkcs8", "-topk8", "-in", plain, "-passout", password, "-v2", "des3"},
		"PKCS#8, scrypt":                  {"pkcs8", "-topk8", "-in", plain, "-passout", password, "-scrypt"},
		"SEC 1, OpenSSL's traditional":    {"ec", "-in", plain, "-aes256", "-passout", password},
		"SEC 1 in clear":                  {"ec", "-in", plain},
		"PKCS#8 in clear":                 {"pkcs8", "-topk8", "-in", plain, "-nocrypt"},
		"behind parameters, as ecparam's": {"ec", "-in", plain, "-param_enc", "named_curve"},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := exec.Command(openssl, arguments...).Output()
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(name, "behind") {
				key = append([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"), key...)
			}
			o := elastic.TLS{CAFile: ca, CertFile: cert, KeyFile: write(t, filepath.Join(t.TempDir(), "key"), key), KeyPassword: "hush5 mum7"}
			if failure := post(t, newClient(t, elastic.Options{TLS: o}, host)); failure != nil {
				t.Error(failure)
			}
			if !strings.Contains(string(key), "ENCRYPTED") {
				return
			}
			for _, wrong := range []string{"", "hush5"} {
				o.KeyPassword = wrong
				_, err = elastic.New(elastic.Options{TLS: o})
				problem, ok := errors.AsType[*elastic.OptionError](err)
				if !ok || problem.Option != "TLS_Key_File" || !strings.Contains(err.Error(), "TLS_Key_Passwd") || wrong != "" && strings.Contains(err.Error(), wrong) {
					t.Errorf("with the password %q: %v", wrong, err)
				}
			}
		})
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	authority := support.NewAuthority(t, "ours")
	dir := t.TempDir()
	pair, other := authority.Issue(support.Subject{}), authority.Issue(support.Subject{})
	cert, key := write(t, filepath.Join(dir, "c.pem"), pair.Cert), write(t, filepath.Join(dir, "c.key"), pair.Key)
	foreign := write(t, filepath.Join(dir, "o.key"), other.Key)
	text := write(t, filepath.Join(dir, "text"), []byte("hush5"))
	empty := write(t, filepath.Join(dir, "empty"), nil)
	missing := filepath.Join(dir, "missing")
	for _, c := range []struct {
		options elastic.Options
		option  string
	}{
		{elastic.Options{TLS: elastic.TLS{CAFile: missing}}, "TLS_CA_File"},
		{elastic.Options{TLS: elastic.TLS{CAFile: text}}, "TLS_CA_File"},
		{elastic.Options{TLS: elastic.TLS{CAFile: key}}, "TLS_CA_File"},
		{elastic.Options{TLS: elastic.TLS{CAFile: dir}}, "TLS_CA_File"},
		{elastic.Options{TLS: elastic.TLS{CertFile: missing, KeyFile: key}}, "TLS_Crt_File"},
		{elastic.Options{TLS: elastic.TLS{CertFile: key, KeyFile: key}}, "TLS_Crt_File"},
		{elastic.Options{TLS: elastic.TLS{CertFile: cert, KeyFile: missing}}, "TLS_Key_File"},
		{elastic.Options{TLS: elastic.TLS{CertFile: cert, KeyFile: text}}, "TLS_Key_File"},
		{elastic.Options{TLS: elastic.TLS{CertFile: cert, KeyFile: foreign}}, "TLS_Key_File"},
		{elastic.Options{TokenFile: missing}, "Bearer_Token_File"},
		{elastic.Options{TokenFile: empty}, "Bearer_Token_File"},
		{elastic.Options{APIKeyFile: missing}, "HTTP_API_Key_File"},
		{elastic.Options{APIKeyFile: empty}, "HTTP_API_Key_File"},
		{elastic.Options{TokenFile: write(t, filepath.Join(dir, "two"), []byte("hush5 mum7"))}, "Bearer_Token_File"},
	} {
		_, err := elastic.New(c.options)
		problem, ok := errors.AsType[*elastic.OptionError](err)
		if !ok || problem.Option != c.option || problem.Value == "" || strings.Contains(err.Error(), "hush5") {
			t.Errorf("%+v: %v", c.options, err)
		}
	}
	_, err := elastic.New(elastic.Options{TokenFile: missing, TLS: elastic.TLS{CAFile: missing}})
	if err == nil || !strings.Contains(err.Error(), "Bearer_Token_File") || !strings.Contains(err.Error(), "TLS_CA_File") {
		t.Errorf("two things are wrong, and told is %v", err)
	}
}

// A server gets another authority and then wants another identity of the
// client, as Kubernetes rotates them. The client is the same all the time.
func TestFilesThatChangeAreReadAgain(t *testing.T) {
	old, young := support.NewAuthority(t, "old"), support.NewAuthority(t, "young")
	dir := t.TempDir()
	issue := func(a *support.Authority) {
		pair := a.Issue(support.Subject{})
		write(t, filepath.Join(dir, "c.key"), pair.Key)
		write(t, filepath.Join(dir, "c.pem"), pair.Cert)
	}
	issue(old)
	o := elastic.Options{TLS: elastic.TLS{
		CAFile: write(t, filepath.Join(dir, "ca.pem"), old.PEM()), CertFile: filepath.Join(dir, "c.pem"), KeyFile: filepath.Join(dir, "c.key"),
	}}
	var troubles []string
	o.OnFileError = func(option string, err error) { troubles = append(troubles, err.Error()) }
	server := httptest.NewUnstartedServer(accept(1))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	var current atomic.Pointer[support.Authority]
	current.Store(old)
	configOf := func(a *support.Authority) *tls.Config {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(a.PEM())
		return &tls.Config{Certificates: []tls.Certificate{a.Issue(support.Subject{Hosts: []string{"127.0.0.1"}}).TLS(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	}
	configs := map[*support.Authority]*tls.Config{old: configOf(old), young: configOf(young)}
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return configs[current.Load()], nil }}
	server.StartTLS()
	t.Cleanup(server.Close)
	client := newClient(t, o, server.URL)
	if failure := post(t, client); failure != nil {
		t.Fatal(failure)
	}
	current.Store(young)
	server.CloseClientConnections()
	if failure := post(t, client); failure == nil {
		t.Fatal("the new server is trusted before its authority is known")
	}
	write(t, o.TLS.CAFile, young.PEM())
	if failure := post(t, client); failure == nil {
		t.Fatal("the new server takes the old certificate")
	}
	issue(young)
	deadline := time.Now().Add(5 * time.Second) // a key without its certificate is left alone for a second
	for post(t, client) != nil {
		if time.Now().After(deadline) {
			t.Fatalf("the files that changed are not in force; told %q", troubles)
		}
		time.Sleep(20 * time.Millisecond)
	}
	// A file that can't be used is logged, and the former one stays in use.
	troubles = nil
	write(t, o.TLS.CAFile, []byte("half a fi"))
	for range 3 {
		if failure := post(t, client); failure != nil {
			t.Error(failure)
		}
	}
	if len(troubles) != 1 || !strings.Contains(troubles[0], "TLS_CA_File") {
		t.Errorf("told %q", troubles)
	}
}

func TestATokenThatChangesIsReadAgain(t *testing.T) {
	address, requests := recorder(t, 1)
	file := write(t, filepath.Join(t.TempDir(), "token"), []byte("first\n"))
	var troubles []error
	client := newClient(t, elastic.Options{TokenFile: file, OnFileError: func(_ string, err error) { troubles = append(troubles, err) }}, address)
	check := func(want string) {
		t.Helper()
		if failure := post(t, client); failure != nil {
			t.Fatal(failure)
		}
		if got := (*requests)[len(*requests)-1].Header.Get("Authorization"); got != "Bearer "+want {
			t.Errorf("sent %q, want %q", got, want)
		}
	}
	check("first")
	write(t, file, []byte("second"))
	check("second")
	if err := os.WriteFile(file, []byte("third one"), 0o600); err != nil { // in place, and no token
		t.Fatal(err)
	}
	check("second")
	check("second")
	if len(troubles) != 1 || strings.Contains(troubles[0].Error(), "third") {
		t.Errorf("told %v", troubles)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // a file that can't be used is left alone for a second
	check("second")
	write(t, file, []byte("fourth"))
	time.Sleep(1100 * time.Millisecond)
	check("fourth")
}

func TestAnAPIKeyFileThatChangesIsReadAgain(t *testing.T) {
	address, requests := recorder(t, 1)
	file := write(t, filepath.Join(t.TempDir(), "key"), []byte("id:first-secret\n"))
	client := newClient(t, elastic.Options{APIKeyFile: file}, address)
	for _, c := range []struct{ content, want, secret string }{
		{"", "id:first-secret", "first-secret"},
		{base64.StdEncoding.EncodeToString([]byte("id:second-secret")), "id:second-secret", "second-secret"},
	} {
		if c.content != "" {
			write(t, file, []byte(c.content))
		}
		if failure := post(t, client); failure != nil {
			t.Fatal(failure)
		}
		want := base64.StdEncoding.EncodeToString([]byte(c.want))
		if got := (*requests)[len(*requests)-1].Header.Get("Authorization"); got != "ApiKey "+want {
			t.Errorf("sent %q, want the key %q", got, c.want)
		}
		if got := client.Scrub("you sent " + want + ", " + c.want + ", " + c.secret); strings.Contains(got, "secret") || strings.Contains(got, want) {
			t.Errorf("told %q", got)
		}
	}
}
