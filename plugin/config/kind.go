package config

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Kind is the type of an option's value.
type Kind uint8

// The kinds.
const (
	Text Kind = iota
	Secret
	Switch
	Choice
	Size
	Duration
	Percent
	URLs
	Headers
	Proxy
	CloudID
	Fingerprint
)

var kindNames = [...]string{
	Text: "text", Secret: "text, secret", Switch: "on or off", Choice: "one of", Size: "size", Duration: "duration", Percent: "percentage", URLs: "URLs",
	Headers: "headers, secret", Proxy: "URL or `off`", CloudID: "Cloud ID", Fingerprint: "SHA-256",
}

// Option is one row of the table.
type Option struct {
	Name    string
	Group   string
	Kind    Kind
	Default string
	// Choices are the values of a Choice.
	Choices []string
	// Min and Max bound a Size in bytes, a Duration in nanoseconds and a Percent.
	Min, Max int64
	// Needs are options without which this one has no effect, Excludes those that contradict it.
	Needs, Excludes []Link
	// Differs are texts that must be different, AtMost is a duration that must not be shorter. They
	// are checked if Needs are fulfilled.
	Differs []string
	AtMost  string
	// TLS marks an option that has no effect without TLS, AWS one that exists only in
	// out_es_aws.so.
	TLS, AWS bool
	// Credential is the way in which the option authenticates: only one option may.
	Credential Credential
	// Check finds faults that Kind lets pass, nil for none.
	Check func(*Config) error
	Doc   string
	// field points to the value: a *string, *bool, *int, *time.Duration, *[]*url.URL or
	// *http.Header.
	field func(*Config) any
}

// read parses text as o's kind and stores it.
func (o *Option) read(c *Config, text string) error {
	value, err := o.parse(text)
	if err != nil {
		return err
	}
	switch field := o.field(c).(type) {
	case *string:
		*field = value.(string)
	case *bool:
		*field = value.(bool)
	case *int:
		*field = int(value.(int64))
	case *time.Duration:
		*field = time.Duration(value.(int64))
	case *[]*url.URL:
		*field = value.([]*url.URL)
	case *http.Header:
		*field = value.(http.Header)
	}
	return nil
}

func (o *Option) parse(text string) (any, error) {
	switch o.Kind {
	case Switch:
		return parseSwitch(text)
	case Choice:
		value := strings.ToLower(text)
		if !slices.Contains(o.Choices, value) && text != "" {
			return nil, fmt.Errorf("must be one of %s", strings.Join(o.Choices, ", "))
		}
		return value, nil
	case Size:
		return o.bounded(parseSize(text))
	case Duration:
		return o.bounded(parseDuration(text))
	case Percent:
		return o.bounded(parsePercent(text))
	case URLs:
		return parseURLs(text)
	case Headers:
		return parseHeaders(text)
	case Proxy:
		return parseProxy(text)
	case CloudID:
		return parseCloudID(text)
	case Fingerprint:
		return parseFingerprint(text)
	case Text:
		return parseText(text)
	}
	return text, nil
}

// parseText accepts any text except the traces of a misunderstanding by Fluent Bit's parser. A
// Secret may look like one, so it is not checked.
func parseText(text string) (string, error) {
	for _, quote := range []string{`"`, "'"} {
		if len(text) > 1 && strings.HasPrefix(text, quote) && strings.HasSuffix(text, quote) {
			return "", errors.New("must not be in quotes")
		}
	}
	if strings.Contains(text, " #") {
		return "", errors.New("must not have a comment behind it")
	}
	return text, nil
}

// bounded checks a number against Min and Max. An empty default is 0.
func (o *Option) bounded(n int64, err error) (int64, error) {
	if err == nil && (n < o.Min || n > o.Max) && !(n == 0 && o.Default == "") {
		err = fmt.Errorf("must be from %s to %s", o.render(o.Min), o.render(o.Max))
	}
	return n, err
}

func (o *Option) render(n int64) string {
	if o.Kind == Duration {
		return shortDuration(time.Duration(n))
	}
	if o.Kind == Percent {
		return fmt.Sprintf("%d%%", n)
	}
	for _, unit := range sizeUnits {
		if n >= unit.bytes && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// parsePercent reads a whole number, with or without a percent sign.
func parsePercent(text string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "%")), 10, 64)
	if err != nil {
		return 0, errors.New("must be a percentage, such as 50%")
	}
	return n, nil
}

// shortDuration is d.String without the zeros at its end: 5m, not 5m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// parseSwitch accepts the words of Fluent Bit's flb_utils_bool.
func parseSwitch(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "on", "true", "yes":
		return true, nil
	case "off", "false", "no", "":
		return false, nil
	}
	return false, errors.New("must be on or off")
}

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}}

// parseSize reads bytes with an optional K, M or G (or KB, MB, GB) behind
// them, in powers of 1,024.
func parseSize(text string) (int64, error) {
	number, factor := strings.TrimSuffix(strings.ToUpper(text), "B"), int64(1)
	for _, unit := range sizeUnits {
		if cut, ok := strings.CutSuffix(number, unit.name); ok {
			number, factor = cut, unit.bytes
			break
		}
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > 1<<40/factor {
		return 0, errors.New("must be a size: a number of bytes, with K, M or G behind it for larger ones")
	}
	return n * factor, nil
}

// parseDuration reads a number with a unit, or of seconds without one, as
// Fluent Bit's own time options do.
func parseDuration(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return seconds * int64(time.Second), nil
	}
	d, err := time.ParseDuration(strings.ToLower(text))
	if err != nil {
		return 0, errors.New("must be a duration such as 500ms, 10s or 5m, or a number of seconds")
	}
	return int64(d), nil
}

// defaultPort is Elasticsearch's, which Elastic's own shippers also use for a URL without one.
const defaultPort = "9200"

// parseURLs reads a list separated by commas or white space.
func parseURLs(text string) ([]*url.URL, error) {
	var hosts []*url.URL
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		host, err := parseURL(word)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}

// parseURL reads one URL. Its errors quote nothing: any piece of an invalid URL may be the
// password.
func parseURL(word string) (*url.URL, error) {
	if !strings.Contains(word, "://") {
		// It may be the second half of a password with a comma in it.
		if strings.Contains(word, "@") {
			return nil, errors.New("a URL with a user must start with http:// or https://, and commas in its password be written %2C, spaces %20")
		}
		word = "http://" + word
	}
	host, err := url.Parse(word)
	switch {
	case err != nil:
		return nil, errors.New("must be URLs such as https://es.example.com:9200, separated by commas or spaces; an IPv6 address stands in brackets")
	case host.Scheme != "http" && host.Scheme != "https":
		return nil, errors.New("the scheme of a URL must be http or https")
	case host.Hostname() == "":
		return nil, errors.New("a URL has no host name")
	case host.Hostname() == "http" || host.Hostname() == "https":
		return nil, errors.New("the scheme of a URL must be followed by ://")
	case strings.ContainsAny(word, "?#"):
		return nil, errors.New("a URL must end behind its path: no ? and no #")
	}
	port := host.Port()
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 1 || n > 65535) {
		return nil, errors.New("the port of a URL must be from 1 to 65535")
	}
	if port == "" {
		host.Host = net.JoinHostPort(host.Hostname(), defaultPort)
	}
	host.Path, host.RawPath = strings.TrimRight(host.Path, "/"), strings.TrimRight(host.RawPath, "/")
	return host, nil
}
