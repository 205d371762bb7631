package config_test

import (
	"encoding/base64"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"out_es/plugin/config"
)

func TestCloudIDs(t *testing.T) {
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, row := range []struct{ text, want string }{
		{"name:" + encode("us-east-1.aws.found.io$abc123$def456"), "https://abc123.us-east-1.aws.found.io:443"},
		{"name:" + encode("found.io:9243$abc$def"), "https://abc.found.io:9243"},
		{"name:" + encode("found.io:9243$abc:444$def:555"), "https://abc.found.io:444"},
		{"name:with:colons:" + encode("found.io$abc$"), "https://abc.found.io:443"},
		{encode("found.io$abc"), "https://abc.found.io:443"},
		{"name:" + strings.TrimRight(encode("found.io$abcd$d"), "="), "https://abcd.found.io:443"},
		{"name", ""}, {"name:", ""}, {"name:!!", ""}, {"name:" + encode("found.io"), ""}, {"name:" + encode("$abc$def"), ""},
		{"name:" + encode("found.io$$def"), ""}, {"name:" + encode("found.io:x$abc$def"), ""}, {"name:" + encode("evil.com/$abc@"), ""},
	} {
		c, faults := config.Parse(section("Cloud_ID " + row.text))
		if got := c.HostList(); got != row.want || (faults.Err() == nil) != (row.want != "") {
			t.Errorf("%q: %q, %v; want %q", row.text, got, faults.Err(), row.want)
		}
	}
}

func TestCloudAuthIsCutAtItsFirstColon(t *testing.T) {
	c, _ := config.Parse(section("Cloud_Auth elastic:pass:word"))
	if user, password := c.CloudUser(); user != "elastic" || password != "pass:word" {
		t.Errorf("%q, %q", user, password)
	}
}

func TestHeaders(t *testing.T) {
	for _, row := range []struct {
		text string
		want http.Header
	}{
		{"X-Tenant: blue", http.Header{"X-Tenant": {"blue"}}},
		{"x-tenant:blue,X-Team : logs ", http.Header{"X-Tenant": {"blue"}, "X-Team": {"logs"}}},
		{`X-List: a\, b\,c, X-Team: logs,`, http.Header{"X-List": {"a, b,c"}, "X-Team": {"logs"}}},
		{`X-Path: a\b`, http.Header{"X-Path": {`a\b`}}},
		{"X-URL: http://a:1/?b=c;d", http.Header{"X-Url": {"http://a:1/?b=c;d"}}},
		{"X-Twice: a, X-Twice: b", http.Header{"X-Twice": {"a", "b"}}},
		{"Authorization: Custom x", http.Header{"Authorization": {"Custom x"}}},
		{"X-Tenant", nil}, {": blue", nil}, {"X Tenant: blue", nil}, {"X-Tenant:", nil}, {"X-A: b\x01", nil}, {"Größe: b", nil},
		{"content-length: 0", nil}, {"HOST: a", nil}, {"Transfer-Encoding: chunked", nil},
	} {
		c, faults := with("Headers", row.text)
		if !reflect.DeepEqual(c.Headers, row.want) || (faults.Err() == nil) != (row.want != nil) {
			t.Errorf("%q: %q, %v; want %q", row.text, c.Headers, faults.Err(), row.want)
		}
	}
}

func TestProxies(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"proxy:3128", "http://proxy:3128"}, {"http://proxy", "http://proxy:80"}, {"https://proxy/", "https://proxy:443"},
		{"socks5://u:p%40@proxy", "socks5://u:p%40@proxy:1080"}, {"http://[::1]:1", "http://[::1]:1"}, {"OFF", "off"},
		{"ftp://proxy", ""}, {"http://", ""}, {"http://proxy/path", ""}, {"a b", ""}, {"http://proxy?x", ""}, {"a,b", ""},
	} {
		c, faults := with("Proxy", row.text)
		if c.Proxy != row.want || (faults.Err() == nil) != (row.want != "") {
			t.Errorf("%q: %q, %v; want %q", row.text, c.Proxy, faults.Err(), row.want)
		}
	}
}

func TestFingerprints(t *testing.T) {
	digits := strings.Repeat("6a0c", 16)
	colons := "6A:0C" + strings.Repeat(":6A:0C", 15)
	for text, taken := range map[string]bool{
		digits: true, strings.ToUpper(digits): true, colons: true, "SHA256 Fingerprint=" + colons: true, "sha256 Fingerprint=" + colons: true,
		digits[1:]: false, digits + "00": false, "SHA1 Fingerprint=" + colons[:59]: false, digits[:63] + "g": false,
	} {
		c, faults := config.Parse(section("Hosts https://es\nTLS_CA_Fingerprint " + text))
		if (faults.Err() == nil) != taken || taken && c.TLSCAFingerprint != digits {
			t.Errorf("%q: %q, %v", text, c.TLSCAFingerprint, faults.Err())
		}
	}
}

// Options in another order, or names in another case, give the same result. Fluent Bit ignores the
// case of names; the order is that of its own list.
func TestOrderAndCaseOfASectionDoNotMatter(t *testing.T) {
	lines := []string{
		"Hosts https://es-1 https://es-2", "HTTP_User u", "HTTP_Passwd p", "Headers X-Tenant: blue", "Proxy proxy:3128", "TLS_CA_File ca.pem",
		"TLS_Crt_File c.pem", "TLS_Key_File k.pem", "TLS_Key_Passwd s", "TLS_Server_Name n", "TLS_Min_Version 1.3", "Compress OFF", "Generate_ID On",
		"HTTP_API_Key k", "Bearer_Token_File t", "Cloud_Auth u:p", // contradictions
	}
	want, wantFaults := config.Parse(section(strings.Join(lines, "\n")))
	for turn := range lines {
		turned := append(append([]string(nil), lines[turn:]...), lines[:turn]...)
		for i, line := range turned {
			key, value, _ := strings.Cut(line, " ")
			turned[i] = map[bool]string{true: strings.ToUpper(key), false: strings.ToLower(key)}[i%2 == 0] + " " + value
		}
		got, faults := config.Parse(section(strings.Join(turned, "\n")))
		if !reflect.DeepEqual(got, want) || faults.Err().Error() != wantFaults.Err().Error() {
			t.Fatalf("turned by %d:\n%+v\n%v\nwant\n%+v\n%v", turn, got, faults.Err(), want, wantFaults.Err())
		}
	}
}

// Any two credentials are one too many.
func TestOnlyOneCredentialIsTaken(t *testing.T) {
	all := map[string]map[string]string{
		"HTTP_User":         {"HTTP_User": "u", "HTTP_Passwd": "p"},
		"HTTP_API_Key":      {"HTTP_API_Key": "k"},
		"HTTP_API_Key_File": {"HTTP_API_Key_File": "f"},
		"Bearer_Token_File": {"Bearer_Token_File": "f"},
		"Headers":           {"Headers": "Authorization: x"},
		"Hosts":             {"Hosts": "http://u:p@es"},
		"Cloud_Auth":        {"Hosts": "", "Cloud_ID": "n:" + base64.StdEncoding.EncodeToString([]byte("found.io$abc$d")), "Cloud_Auth": "u:p"},
	}
	for one, first := range all {
		for other, second := range all {
			values := map[string]string{"Hosts": "http://es"}
			maps.Copy(values, first)
			maps.Copy(values, second)
			if (one == "Hosts" || other == "Hosts") && (one == "Cloud_Auth" || other == "Cloud_Auth") {
				continue // Hosts contradicts Cloud_ID anyway
			}
			_, faults := config.Parse(func(name string) string { return values[name] })
			if one == other && faults.Err() != nil || one != other && (len(faults) != 1 || !strings.Contains(faults[0].Advice, "contradicts")) {
				t.Errorf("%s and %s: %v", one, other, faults.Err())
			}
		}
	}
}
