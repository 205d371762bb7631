package elastic

import "testing"

// The syntax of NO_PROXY, as in curl and Go's httpproxy.
func TestHostsThatNoProxyNames(t *testing.T) {
	for _, row := range []struct {
		host, port, list string
		want             bool
	}{
		{"es.example.com", "9200", "", false}, {"es.example.com", "9200", "*", true}, {"es.example.com", "9200", " , ", false},
		{"es.example.com", "9200", "example.com", true}, {"es.example.com", "9200", ".example.com", true}, {"es.example.com", "9200", "*.example.com", true},
		{"example.com", "9200", "example.com", true}, {"example.com", "9200", ".example.com", false}, {"badexample.com", "9200", "example.com", false},
		{"ES.Example.com.", "9200", "es.EXAMPLE.com", true}, {"es", "9200", "a,b es", true},
		{"es", "9200", "es:9200", true}, {"es", "443", "es:9200", false},
		{"10.1.2.3", "9200", "10.0.0.0/8", true}, {"11.1.2.3", "9200", "10.0.0.0/8", false}, {"10.1.2.3", "9200", "10.1.2.3", true},
		{"10.1.2.3", "9200", "10.1.2.3:9200", true}, {"10.1.2.3", "9200", "1.2.3", false},
		{"2001:db8::1", "9200", "2001:DB8::/32", true}, {"2001:db8::1", "9200", "2001:db8:0::1", true}, {"2001:db8::1", "9200", "[2001:db8::1]:9200", true},
		{"::ffff:10.1.2.3", "9200", "10.0.0.0/8", true}, {"es", "9200", "10.0.0.0/8", false},
	} {
		if got := isExempt(row.host, row.port, row.list); got != row.want {
			t.Errorf("%s:%s, NO_PROXY %q: %v", row.host, row.port, row.list, got)
		}
	}
}
