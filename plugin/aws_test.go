//go:build aws

package plugin_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"out_es/plugin"
	"out_es/plugin/fluentbit/fluentbittest"
	"out_es/test/support/sigv4"
)

// domain is an OpenSearch domain that accepts requests signed with a key, and no others.
func domain(t *testing.T, key sigv4.Key) (address string, taken func() int) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := sigv4.Verify(r, body, key, time.Now()); err != nil || r.Header.Get("X-Amz-Content-Sha256") == "" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"message":"The request signature we calculated does not match: %v"}`, err)
			return
		}
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"version":{"number":"3.8.0","distribution":"opensearch"}}`)
			return
		}
		mu.Lock()
		n++
		mu.Unlock()
		_, _ = io.WriteString(w, `{"errors":false,"items":[{"create":{"status":201}}]}`)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// nowhere makes sure that no credentials are found but those of the test.
func nowhere(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ROLE_ARN",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "credentials"))
}

// signed brings a chunk of one record and returns the outcome and the log.
func signed(t *testing.T, s section) (plugin.Outcome, string) {
	t.Helper()
	s["AWS_Auth"], s["Retry_Budget"] = "on", "0"
	host := fluentbittest.NewRecorder("x")
	p, err := plugin.New(s.lookup, host.Instance())
	if err != nil {
		t.Fatal(err)
	}
	p.AwaitStartupCheck()
	outcome := p.Flush("app", numbered(1))
	p.Close()
	var log strings.Builder
	for _, line := range host.Lines() {
		fmt.Fprintln(&log, line.Text)
	}
	return outcome, log.String()
}

var envKey = sigv4.Key{ID: "AKIDEXAMPLE", Secret: "hush5/mum7+secret", Token: "hush5token", Region: "eu-central-1", Service: "es"}

func useEnvironment(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", envKey.ID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", envKey.Secret)
	t.Setenv("AWS_SESSION_TOKEN", envKey.Token)
}

func TestAWSRequestsAreSigned(t *testing.T) {
	serverless := envKey
	serverless.Service = "aoss"
	for name, c := range map[string]struct {
		key     sigv4.Key
		section section
	}{
		"a domain":               {envKey, section{"AWS_Region": "eu-central-1"}},
		"a serverless one":       {serverless, section{"AWS_Region": "eu-central-1", "AWS_Service_Name": "aoss"}},
		"without compression":    {envKey, section{"AWS_Region": "eu-central-1", "Compress": "off"}},
		"headers and a path":     {envKey, section{"AWS_Region": "eu-central-1", "Headers": "X-Tenant: blue"}},
		"the environment's area": {envKey, section{}},
	} {
		t.Run(name, func(t *testing.T) {
			nowhere(t)
			useEnvironment(t)
			t.Setenv("AWS_REGION", "eu-central-1")
			address, taken := domain(t, c.key)
			if c.section["Headers"] != "" {
				address += "/a%20path/"
			}
			c.section["Hosts"] = address
			outcome, log := signed(t, c.section)
			if outcome != plugin.OK || taken() != 1 || !strings.Contains(log, "OpenSearch 3.8.0") {
				t.Errorf("%v, %d requests\n%s", outcome, taken(), log)
			}
		})
	}
}

func TestAWSProfiles(t *testing.T) {
	nowhere(t)
	if err := os.WriteFile(os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), []byte("[logs]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = hush5profile\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(os.Getenv("AWS_CONFIG_FILE"), []byte("[profile logs]\nregion = us-west-2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address, taken := domain(t, sigv4.Key{ID: "AKIDPROFILE", Secret: "hush5profile", Region: "us-west-2", Service: "es"})
	if outcome, log := signed(t, section{"Hosts": address, "AWS_Profile": "logs"}); outcome != plugin.OK || taken() != 1 {
		t.Errorf("%v, %d requests\n%s", outcome, taken(), log)
	}
	s := section{"Hosts": address, "AWS_Profile": "nobody", "AWS_Auth": "on"}
	if _, err := plugin.New(s.lookup, fluentbittest.NewRecorder("x").Instance()); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("a profile that is not there: %v", err)
	}
}

// tokenService implements STS as far as AssumeRole: it verifies the signature and the role, and
// returns a key.
func tokenService(t *testing.T, role, externalID string, gives sigv4.Key) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asker := envKey
		asker.Service = "sts"
		form, _ := url.ParseQuery(string(body))
		if err := sigv4.Verify(r, body, asker, time.Now()); err != nil || form.Get("Action") != "AssumeRole" || form.Get("RoleArn") != role || form.Get("ExternalId") != externalID {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>may not assume %s with %s</Message></Error></ErrorResponse>`, form.Get("RoleArn"), form.Get("ExternalId"))
			return
		}
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			gives.ID, gives.Secret, gives.Token, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestAWSRoles(t *testing.T) {
	nowhere(t)
	useEnvironment(t)
	const role, externalID = "arn:aws:iam::123456789012:role/logs", "hush5/external+id"
	given := sigv4.Key{ID: "ASIAROLE", Secret: "hush5role", Token: "hush5session", Region: "eu-central-1", Service: "es"}
	address, taken := domain(t, given)
	s := section{"Hosts": address, "AWS_Region": "eu-central-1", "AWS_Role_ARN": role, "AWS_External_ID": externalID, "AWS_STS_Endpoint": tokenService(t, role, externalID, given)}
	if outcome, log := signed(t, s); outcome != plugin.OK || taken() != 1 {
		t.Errorf("%v, %d requests\n%s", outcome, taken(), log)
	}
	s["AWS_Role_ARN"] += "-of-others"
	outcome, log := signed(t, s)
	if outcome != plugin.Retry || !strings.Contains(log, "AccessDenied") || !strings.Contains(log, "check the AWS options") {
		t.Errorf("%v\n%s", outcome, log)
	}
	for _, secret := range []string{"hush5", url.QueryEscape(externalID)} {
		if strings.Contains(log, secret) {
			t.Errorf("%s is told:\n%s", secret, log)
		}
	}
}

func TestAWSWithoutCredentialsOrRegion(t *testing.T) {
	nowhere(t)
	address, taken := domain(t, envKey)
	outcome, log := signed(t, section{"Hosts": address, "AWS_Region": "eu-central-1"})
	if outcome != plugin.Retry || taken() != 0 || !strings.Contains(log, "check the AWS options") {
		t.Errorf("%v\n%s", outcome, log)
	}
	useEnvironment(t)
	if outcome, log := signed(t, section{"Hosts": address, "AWS_Region": "us-east-1"}); outcome != plugin.Retry || !strings.Contains(log, "403") || strings.Contains(log, "hush5") {
		t.Errorf("signed for another region: %v\n%s", outcome, log)
	}
	s := section{"Hosts": address, "AWS_Auth": "on"}
	if _, err := plugin.New(s.lookup, fluentbittest.NewRecorder("x").Instance()); err == nil || !strings.Contains(err.Error(), "AWS_Region") {
		t.Errorf("without a region: %v", err)
	}
}
