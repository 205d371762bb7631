package plugin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_es/plugin"
	"out_es/plugin/fluentbit"
	"out_es/plugin/fluentbit/fluentbittest"
)

// TestWarningsOfUnencryptedConnections come at every start, and for nothing else.
func TestWarningsOfUnencryptedConnections(t *testing.T) {
	for name, c := range map[string]struct {
		section section
		warns   string // "" for nothing
	}{
		"verification off":                      {section{"Hosts": "https://es", "TLS_Verify": "off"}, "TLS_Verify is off"},
		"a password over http":                  {section{"Hosts": "http://es.example.com", "HTTP_User": "u", "HTTP_Passwd": "hush5"}, "HTTP_User"},
		"a key over http, among others":         {section{"Hosts": "https://a http://b", "HTTP_API_Key": "hush5"}, "HTTP_API_Key"},
		"a user in the URL over http":           {section{"Hosts": "http://u:hush5@b"}, "Hosts"},
		"a header over http":                    {section{"Hosts": "http://b", "Headers": "X-Key: hush5"}, "Headers"},
		"a password over http to this machine":  {section{"Hosts": "http://localhost http://127.0.0.2 http://[::1]", "HTTP_User": "u", "HTTP_Passwd": "hush5"}, ""},
		"no password over http":                 {section{"Hosts": "http://es.example.com"}, ""},
		"a password over https":                 {section{"Hosts": "https://es.example.com", "HTTP_User": "u", "HTTP_Passwd": "hush5"}, ""},
		"a name that only looks like localhost": {section{"Hosts": "http://localhost.example.com", "HTTP_API_Key": "hush5"}, "HTTP_API_Key"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				host := fluentbittest.NewRecorder("x")
				p, err := plugin.New(c.section.lookup, host.Instance())
				if err != nil {
					t.Fatal(err)
				}
				p.Close()
				warnings := 0
				for _, line := range withoutStartupCheck(host.Lines()) {
					if line.Level == fluentbit.Warn {
						warnings++
						if c.warns == "" || !strings.Contains(line.Text, c.warns) {
							t.Errorf("warned: %s", line.Text)
						}
					}
					if strings.Contains(line.Text, "hush5") {
						t.Errorf("a secret is told: %s", line.Text)
					}
				}
				if warnings != map[bool]int{true: 0, false: 1}[c.warns == ""] {
					t.Errorf("%d warnings", warnings)
				}
			}
		})
	}
}

func TestFilesThatCannotBeUsedAreFaultsOfTheirOptions(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("hush5"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := section{"Hosts": "https://es", "TLS_CA_File": text, "Bearer_Token_File": missing}
	_, err := plugin.New(s.lookup, fluentbittest.NewRecorder("x").Instance())
	if err == nil {
		t.Fatal("they are taken")
	}
	for _, part := range []string{`TLS_CA_File "` + text + `": has no certificate`, `Bearer_Token_File "` + missing + `": can't be read: no such file`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v\ndoes not tell %s", err, part)
		}
	}
	if strings.Contains(err.Error(), "hush5") {
		t.Errorf("a file is quoted: %v", err)
	}
}
