package config_test

import (
	"strings"
	"testing"
	"time"

	"out_es/plugin/config"
)

// with reads a section that has hosts and one more option.
func with(option, value string) (*config.Config, config.Faults) {
	return config.Parse(func(name string) string {
		switch name {
		case option:
			return value
		case "Hosts":
			return "localhost"
		}
		return ""
	})
}

func TestDurations(t *testing.T) {
	for _, row := range []struct {
		text string
		want time.Duration
	}{
		{"10", 10 * time.Second}, {"500ms", 500 * time.Millisecond}, {"10s", 10 * time.Second}, {"2m", 2 * time.Minute},
		{"1.5s", 1500 * time.Millisecond}, {"1m30s", 90 * time.Second}, {" 7s ", 7 * time.Second}, {"10S", 10 * time.Second},
		{"300", 5 * time.Minute}, {"5m", 5 * time.Minute}, {"10ms", 10 * time.Millisecond},
	} {
		c, faults := with("Connect_Timeout", row.text)
		if faults.Err() != nil || c.ConnectTimeout != row.want {
			t.Errorf("%q: %v, %v; want %v", row.text, c.ConnectTimeout, faults.Err(), row.want)
		}
	}
	for _, text := range []string{"0", "-1", "9ms", "301", "5m1s", "10 s", "s", "1d", "1e3s", "0x10", "99999999999999999999", "NaN"} {
		if c, faults := with("Connect_Timeout", text); faults.Err() == nil {
			t.Errorf("%q is taken as %v", text, c.ConnectTimeout)
		}
	}
	if c, faults := with("Retry_Budget", "0"); faults.Err() != nil || c.RetryBudget != 0 {
		t.Errorf("a budget of nothing: %v, %v", c.RetryBudget, faults.Err())
	}
}

func TestSizes(t *testing.T) {
	for _, row := range []struct {
		text string
		want int
	}{
		{"1024", 1024}, {"5M", 5 << 20}, {"5m", 5 << 20}, {"5MB", 5 << 20}, {"5 M", 5 << 20}, {"5mb", 5 << 20},
		{"512K", 512 << 10}, {"512KB", 512 << 10}, {"1K", 1024}, {"90M", 90 << 20}, {"2048B", 2048},
	} {
		c, faults := with("Bulk_Size", row.text)
		if faults.Err() != nil || c.BulkSize != row.want {
			t.Errorf("%q: %v, %v; want %v", row.text, c.BulkSize, faults.Err(), row.want)
		}
	}
	for _, text := range []string{
		"0", "1023", "91M", "1G", "-5M", "+M", "M", "B", "MB", "5T", "5MM", "1.5M", "5M5", "0x10K",
		"99999999999999999999", "9223372036854775807G", "17179869185G", "1099511627777",
	} {
		if c, faults := with("Bulk_Size", text); faults.Err() == nil {
			t.Errorf("%q is taken as %v", text, c.BulkSize)
		}
	}
}

func TestSwitchesAndChoices(t *testing.T) {
	for text, want := range map[string]bool{
		"on": true, "On": true, "TRUE": true, "yes": true, "off": false, "False": false, "no": false, "NO": false,
	} {
		if c, faults := with("Generate_ID", text); faults.Err() != nil || c.GenerateID != want {
			t.Errorf("%q: %v, %v", text, c.GenerateID, faults.Err())
		}
	}
	for _, text := range []string{"1", "0", "y", "enabled", "on off"} {
		if c, faults := with("Generate_ID", text); faults.Err() == nil {
			t.Errorf("%q is taken as %v", text, c.GenerateID)
		}
	}
	if c, faults := with("Write_Operation", "INDEX"); faults.Err() != nil || c.WriteOperation != "index" {
		t.Errorf("INDEX: %q, %v", c.WriteOperation, faults.Err())
	}
}

func TestHosts(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"localhost", "http://localhost:9200"},
		{"localhost:9201", "http://localhost:9201"},
		{"http://es", "http://es:9200"},
		{"https://es", "https://es:9200"},
		{"https://es:443", "https://es:443"},
		{"HTTPS://ES.example.com", "https://ES.example.com:9200"},
		{"http://es:", "http://es:9200"},
		{"http://es/", "http://es:9200"},
		{"http://es:9200/path/to//", "http://es:9200/path/to"},
		{"http://es/a%2Fb/", "http://es:9200/a%2Fb"},
		{"10.0.0.1", "http://10.0.0.1:9200"},
		{"[::1]", "http://[::1]:9200"},
		{"[::1]:9201", "http://[::1]:9201"},
		{"https://[2001:db8::1]", "https://[2001:db8::1]:9200"},
		{"https://[2001:db8::1]:9243/es", "https://[2001:db8::1]:9243/es"},
		{"http://[fe80::1%25eth0]", "http://[fe80::1%25eth0]:9200"},
		{"http://fluent@es", "http://fluent@es:9200"},
		{"http://fluent:p%40ss@es", "http://fluent:xxxxx@es:9200"},
		{"es-1,es-2", "http://es-1:9200,http://es-2:9200"},
		{"es-1 es-2\tes-3", "http://es-1:9200,http://es-2:9200,http://es-3:9200"},
		{"  es-1 , es-2,, es-3,\n es-4 ", "http://es-1:9200,http://es-2:9200,http://es-3:9200,http://es-4:9200"},
	} {
		c, faults := with("Hosts", row.text)
		if faults.Err() != nil || c.HostList() != row.want {
			t.Errorf("%q: %q, %v; want %q", row.text, c.HostList(), faults.Err(), row.want)
		}
	}
}

func TestHostsThatAreNoURLs(t *testing.T) {
	for _, row := range []struct{ text, advice string }{
		{"ftp://es", "scheme of a URL must be http or https"},
		{"es://es", "scheme of a URL must be http or https"},
		{"unix:///var/run/es.sock", "scheme of a URL must be http or https"},
		{"http:/es:9200", "followed by ://"},
		{"https:es", "must be URLs such as"},
		{"https//es", "followed by ://"},
		{"http://", "no host name"},
		{"http://:9200", "no host name"},
		{"http:///path", "no host name"},
		{"http://es:port", "must be URLs such as"},
		{"http://es:0", "port of a URL must be from 1 to 65535"},
		{"http://es:65536", "port of a URL must be from 1 to 65535"},
		{"http://es:99999999999999999999", "port of a URL must be from 1 to 65535"},
		{"http://es:-1", "must be URLs such as"},
		{"http://es:9200?pretty", "no ? and no #"},
		{"http://es:9200/?", "no ? and no #"},
		{"http://es:9200/#", "no ? and no #"},
		{"http://es:9200/x#y", "no ? and no #"},
		{"::1", "an IPv6 address stands in brackets"},
		{"http://::1", "an IPv6 address stands in brackets"},
		{"2001:db8::1:9200", "an IPv6 address stands in brackets"},
		{"http://[::1", "must be URLs such as"},
		{"http://e s:9200/%zz", "must be URLs such as"},
		{"http://es:9200\x7f", "must be URLs such as"},
		{"user:pass@es", "must start with http:// or https://"},
		{"http://user:1,2@es", "must start with http:// or https://"}, // not a host named user at port 1
		{"es-1,http://es-2:bad,es-3", "must be URLs such as"},
	} {
		c, faults := with("Hosts", row.text)
		if err := faults.Err(); err == nil {
			t.Errorf("%q is taken as %s", row.text, c.HostList())
		} else if len(faults) != 1 || faults[0].Option != "Hosts" || !strings.Contains(faults[0].Advice, row.advice) {
			t.Errorf("%q: %v; want %q", row.text, err, row.advice)
		}
	}
}

func TestTextStaysAsItIs(t *testing.T) {
	for _, text := range []string{"plain", "$kubernetes['labels']['app']", "a'b", `"`, "%d/%b/%Y", "a#b", "#a", "größe", "'a' or 'b", "a, b"} {
		if c, faults := with("Index", text); faults.Err() != nil || c.Index != text {
			t.Errorf("%q: %q, %v", text, c.Index, faults.Err())
		}
	}
}

func TestIsSetDistinguishesGivenFromDefault(t *testing.T) {
	c, _ := with("Index", "fluent-bit")
	if !c.IsSet("Index") || !c.IsSet("Hosts") || c.IsSet("Time_Key") || c.IsSet("Unheard_Of") {
		t.Error("not what the section says")
	}
	if c, _ := with("Index", "  "); c.IsSet("Index") || c.Index != "fluent-bit" {
		t.Errorf("white space is a value: %q", c.Index)
	}
}
