package security

import (
	"encoding/base64"
	"strings"
	"testing"

	"out_es/test/e2e"
	"out_es/test/host"
	"out_es/test/support"
)

// TestNoSecretOfASecuredServerIsShown is TestNoSecretIsEverShown with the answers of real security:
// to wrong credentials, to a right one without the privilege to write, and to one with it.
func TestNoSecretOfASecuredServerIsShown(t *testing.T) {
	s := e2e.Secured(t)
	index, role := writer(t, s)
	s.PutRole(t, "secretive", role)
	s.PutUser(t, "fluent", secrets["password"], "secretive")
	r := newRealm(t)
	h, log := e2e.StartHost(t, host.Options{LogLevel: "trace"})
	out := &support.Journal{}
	basic := []string{"HTTP_User fluent", "HTTP_Passwd " + secrets["password"]}
	for name, c := range map[string]struct {
		credential []string
		index      string
		want       host.Code
	}{
		"right":             {basic, index, host.OK},
		"right, not to it":  {basic, "elsewhere", host.RETRY},
		"a stranger":        {[]string{"HTTP_User stranger", "HTTP_Passwd " + secrets["proxy password"]}, index, host.RETRY},
		"a key of nobody":   {[]string{"HTTP_API_Key id:" + secrets["API key"]}, index, host.RETRY},
		"an encoded key":    {[]string{"HTTP_API_Key " + base64.StdEncoding.EncodeToString([]byte("id:"+secrets["API key"]))}, index, host.RETRY},
		"a token of nobody": {[]string{"Bearer_Token_File " + r.file("token", []byte(secrets["token"]))}, index, host.RETRY},
		"a header":          {[]string{"Headers Authorization: Custom " + secrets["header"]}, index, host.RETRY},
	} {
		options := append(c.credential, "Hosts "+s.Address(), "TLS_CA_File "+s.CAFile, "Index "+c.index, "Retry_Budget 0", "Trace_Error on")
		o := e2e.Output(t, h, 1, options...)
		got, err := o.Flush(t.Context(), "app", e2e.ChunkOf(t, host.Nested, 0, 2))
		if err != nil || got != c.want {
			t.Errorf("%s: the flush answered %v, %v, want %v", name, got, err, c.want)
		}
		scrape, err := h.Scrape()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(scrape)); err != nil {
			t.Fatal(err)
		}
		if err := o.Exit(); err != nil {
			t.Fatal(err)
		}
	}
	text := log.String() + out.String()
	for _, must := range []string{"security_exception", "status 401", "fluentbit_output_es_go_requests_total"} {
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
