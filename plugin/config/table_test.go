package config

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// section is a lookup for Parse.
func section(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestEveryDefaultIsWithoutFault(t *testing.T) {
	c, faults := Parse(section(map[string]string{"Hosts": "localhost"}))
	if err := faults.Err(); err != nil {
		t.Error(err)
	}
	for _, o := range table {
		if _, err := o.parse(o.Default); err != nil {
			t.Errorf("%s: %v", o.Name, err)
		}
		if o.field == nil || o.Name == "Hosts" || o.AWS && !hasAWS {
			continue
		}
		// The default must be valid as an explicit value, and have the same effect.
		values := map[string]string{"Hosts": "localhost", o.Name: o.Default}
		for _, link := range o.Needs {
			if o.Default != "" && link.When == "" {
				values[link.Option] = "on"
			}
		}
		given, faults := Parse(section(values))
		if err := faults.Err(); err != nil {
			t.Errorf("%s %s: %v", o.Name, o.Default, err)
		}
		if want, got := value(&o, c), value(&o, given); !reflect.DeepEqual(want, got) {
			t.Errorf("%s is %v, given its default %v", o.Name, want, got)
		}
	}
}

// value is the value of o's field in c.
func value(o *Option, c *Config) any { return reflect.ValueOf(o.field(c)).Elem().Interface() }

func TestEveryRowIsComplete(t *testing.T) {
	groups := map[string]bool{}
	for _, g := range groupTitles {
		groups[g.group] = true
	}
	seen := map[string]bool{}
	for _, o := range table {
		if seen[strings.ToLower(o.Name)] {
			t.Errorf("%s stands twice", o.Name)
		}
		seen[strings.ToLower(o.Name)] = true
		if !groups[o.Group] {
			t.Errorf("%s is in group %q, which the reference doesn't show", o.Name, o.Group)
		}
		if o.Doc == "" || !strings.HasSuffix(o.Doc, ".") && !strings.HasSuffix(o.Doc, ".)") || strings.ContainsAny(o.Doc, "|\n") {
			t.Errorf("%s: the meaning must be a sentence that fits a table: %q", o.Name, o.Doc)
		}
		if o.field == nil {
			t.Errorf("%s must have a field", o.Name)
		}
		if o.Kind == Choice && !slices.Contains(o.Choices, o.Default) {
			t.Errorf("%s: the default %q is no choice of %v", o.Name, o.Default, o.Choices)
		}
		if (o.Kind == Size || o.Kind == Duration || o.Kind == Percent) && o.Min >= o.Max {
			t.Errorf("%s has no bounds", o.Name)
		}
		if o.Kind == Secret && o.Default != "" {
			t.Errorf("%s: a secret has no default", o.Name)
		}
	}
}

// Fluent Bit never hands these to a Go plugin (flb_output_set_property).
func TestNoOptionIsFluentBitsOwn(t *testing.T) {
	for _, o := range table {
		name := strings.ToLower(o.Name)
		taken := []string{"host", "port", "ipv6", "tls", "workers", "retry_limit", "match", "match_regex", "alias", "log_level", "storage.total_limit_size"}
		if slices.Contains(taken, name) || strings.HasPrefix(name, "tls.") || strings.HasPrefix(name, "net.") || strings.HasPrefix(name, "oauth2") {
			t.Errorf("%s never reaches the plugin", o.Name)
		}
	}
}

// other is a value for o that is not its default.
func other(o *Option) string {
	switch o.Kind {
	case Switch:
		return map[string]string{"on": "off", "off": "on"}[o.Default]
	case Choice:
		return o.Choices[(slices.Index(o.Choices, o.Default)+1)%len(o.Choices)]
	case Size:
		return o.render(o.Min)
	case Percent:
		return "7%"
	case Duration:
		return time.Duration(o.Max).String()
	case URLs:
		return "https://other:1"
	case Proxy:
		return "http://other:1"
	case Headers:
		return "X-Other: other"
	case CloudID:
		return "name:" + base64.StdEncoding.EncodeToString([]byte("other$other"))
	case Fingerprint:
		return strings.Repeat("0e", 32)
	}
	return "other"
}

func TestEveryOptionHasAFieldOfItsOwn(t *testing.T) {
	for _, o := range table {
		if o.AWS && !hasAWS {
			continue
		}
		before, _ := Parse(section(nil))
		after, _ := Parse(section(map[string]string{o.Name: other(&o)}))
		for _, p := range table {
			changed := !reflect.DeepEqual(value(&p, before), value(&p, after))
			if changed != (p.Name == o.Name) {
				t.Errorf("given %s %s, %s is %v", o.Name, other(&o), p.Name, value(&p, after))
			}
		}
	}
}

func TestAWSOptionsAreRejectedByTheOrdinaryBuild(t *testing.T) {
	if hasAWS {
		t.Skip("this is the build that has them")
	}
	for _, o := range table {
		if !o.AWS {
			continue
		}
		_, faults := Parse(section(map[string]string{"Hosts": "localhost", o.Name: other(&o)}))
		if len(faults) != 1 || faults[0].Option != o.Name || !strings.Contains(faults[0].Advice, "out_es_aws.so") {
			t.Errorf("%s: %v", o.Name, faults)
		}
	}
}

// A fault must show its invalid value, but no secret in it. Each case has the secret in two pieces,
// neither of which may appear.
func TestNoSecretIsEverInAFault(t *testing.T) {
	urls := []string{
		"http://user:hush5%mum7@es:9200", "user:hush5%mum7@es", "http://user:hush5%mum7@es:bad", "ftp://user:hush5%mum7@es",
		"http://user:hush5%mum7@", "http://hush5%mum7@es/?", "http://user:hush5%mum7@es:70000", "hush5%mum7://user@es",
		"http://ok:9200,http://user:hush5%mum7@es:bad", "http://user:hush5%mum7@a:bad, http://user:hush5%mum7@b",
		`"http://user:hush5%mum7@es"`, "http://user:hush5%mum7@es # comment", "http://user:hush5%mum7@[::1", "http://u:%%zzhush5%mum7@es",
	}
	for _, between := range []string{"", ",", " ", "/", "?", "#", "@", ":", "://", "\"", "\t", "//", "%", "@@", "[", "]", ", "} {
		for _, o := range table {
			values := []string{"hush5" + between + "mum7", `"hush5` + between + `mum7"`, "hush5" + between + "mum7 # comment"}
			switch o.Kind {
			case URLs:
				values = nil
				for _, u := range urls {
					values = append(values, strings.ReplaceAll(strings.ReplaceAll(u, "%mum7", between+"mum7"), "%%", "%"))
				}
			case Proxy:
				values = nil
				for _, u := range urls {
					values = append(values, strings.ReplaceAll(strings.ReplaceAll(u, "%mum7", between+"mum7"), "%%", "%"))
				}
			case Headers:
				values = append(values, "Authorization: hush5"+between+"mum7", "hush5"+between+"mum7: x", "Host: hush5"+between+"mum7", "X: a, hush5"+between+"mum7")
			case Secret:
			default:
				continue
			}
			for _, value := range values {
				checkHidden(t, o.Name, value)
			}
		}
	}
}

func checkHidden(t *testing.T, option, value string) {
	t.Helper()
	c, faults := Parse(section(map[string]string{
		option: value, "HTTP_User": "user", "Logstash_Format": "on", "Data_Stream": "on", "Compress": "wrong",
	}))
	faults = append(faults, c.FaultOf(option, value, os.ErrInvalid))
	text := fmt.Sprintf("%v\n%+v\n%s\n%v", faults.Err(), faults, c.HostList(), c.given)
	if strings.Contains(text, "hush5") || strings.Contains(text, "mum7") {
		t.Errorf("%s %s is seen in\n%s", option, value, text)
	}
}

func TestSecretsArriveWhole(t *testing.T) {
	const password = `a "b" # c ,@:/?%20`
	c, faults := Parse(section(map[string]string{"Hosts": "http://es", "HTTP_User": "u", "HTTP_Passwd": " " + password + " "}))
	if faults.Err() != nil || c.Password != password {
		t.Errorf("%q, %v", c.Password, faults.Err())
	}
	c, faults = Parse(section(map[string]string{"Hosts": "http://u:p%40%2C%20s@es"}))
	if want := url.UserPassword("u", "p@, s").String(); faults.Err() != nil || c.Hosts[0].User.String() != want {
		t.Errorf("%v, %v", c.Hosts, faults.Err())
	}
}
