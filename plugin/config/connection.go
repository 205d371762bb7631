package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Addresses are the servers: those of Hosts, or that of Cloud_ID.
func (c *Config) Addresses() []*url.URL {
	if len(c.CloudID) > 0 {
		return c.CloudID
	}
	return c.Hosts
}

// cloudPort is Elastic Cloud's port for an identifier without one.
const cloudPort = "443"

var errCloudID = errors.New("must be a Cloud ID as the Elastic Cloud console shows it, such as my-deployment:ZXUtd2Vz…")

// parseCloudID reads `name:base64(host$elasticsearch$kibana)`, in which host
// and elasticsearch may have a port (Elastic's libbeat/cloudid does the same).
func parseCloudID(text string) ([]*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	encoded := text[strings.LastIndexByte(text, ':')+1:]
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		decoded, err = base64.RawStdEncoding.DecodeString(encoded)
	}
	parts := strings.Split(string(decoded), "$")
	if err != nil || len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return nil, errCloudID
	}
	host, port := cutPort(parts[0], cloudPort)
	deployment, port := cutPort(parts[1], port)
	address, err := parseURL("https://" + net.JoinHostPort(deployment+"."+host, port))
	if err != nil || strings.ContainsAny(parts[0]+parts[1], "/@[] ") {
		return nil, errCloudID
	}
	return []*url.URL{address}, nil
}

func cutPort(text, fallback string) (name, port string) {
	if name, port, found := strings.Cut(text, ":"); found {
		return name, port
	}
	return text, fallback
}

// ownHeaders are set by the plugin or by HTTP itself.
var ownHeaders = []string{
	"Accept", "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host",
	"Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// parseHeaders reads `Name: value, Name: value`. A comma within a value is written `\,`. Its errors
// quote no text that may be a secret.
func parseHeaders(text string) (http.Header, error) {
	headers := http.Header{}
	for _, one := range splitHeaders(text) {
		name, value, found := strings.Cut(one, ":")
		name, value = http.CanonicalHeaderKey(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case strings.TrimSpace(one) == "":
			continue
		case !found || !isToken(name) || value == "" || strings.ContainsFunc(value, isControl):
			return nil, errors.New(`must be headers such as "X-Tenant: blue, X-Team: logs"; a comma in a value is written \,`)
		case slices.Contains(ownHeaders, name):
			return nil, fmt.Errorf("must not have %s, which the plugin sets itself", name)
		}
		headers.Add(name, value)
	}
	if len(headers) == 0 {
		return nil, nil
	}
	return headers, nil
}

// splitHeaders cuts at commas without a backslash before them.
func splitHeaders(text string) []string {
	parts := strings.Split(text, ",")
	var headers []string
	for i := 0; i < len(parts); i++ {
		one := parts[i]
		for strings.HasSuffix(one, `\`) && i+1 < len(parts) {
			i++
			one = one[:len(one)-1] + "," + parts[i]
		}
		headers = append(headers, one)
	}
	return headers
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// isToken reports whether a name is valid for a header (RFC 9110, 5.6.2).
func isToken(name string) bool {
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return false
		}
	}
	return name != ""
}

// proxyPorts are the ports of a proxy without one, as in net/http.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// NoProxy is the value of Proxy that disables the proxies of the environment.
const NoProxy = "off"

// parseProxy reads one URL, or `off`. Its errors quote nothing.
func parseProxy(text string) (string, error) {
	if text == "" || strings.EqualFold(text, NoProxy) {
		return strings.ToLower(text), nil
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	proxy, err := url.Parse(text)
	if err != nil || proxy.Hostname() == "" || strings.ContainsAny(text, "?#, \t") || strings.Trim(proxy.Path, "/") != "" {
		return "", errors.New("must be the URL of one proxy, such as http://proxy.example.com:3128, or off; special characters of its password must be percent-encoded, such as %40 for @")
	}
	port, known := proxyPorts[proxy.Scheme]
	if !known {
		return "", errors.New("the scheme of a proxy must be http, https, socks5 or socks5h")
	}
	if proxy.Port() == "" {
		proxy.Host = net.JoinHostPort(proxy.Hostname(), port)
	}
	proxy.Path = ""
	return proxy.String(), nil
}

// parseFingerprint reads a SHA-256 as Elasticsearch prints it, 64 digits, or
// as openssl does, with colons and a name before it. It returns the digits.
func parseFingerprint(text string) (string, error) {
	if _, digits, found := strings.Cut(text, "="); found {
		text = digits
	}
	digits := strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(text))
	if raw, err := hex.DecodeString(digits); text != "" && (err != nil || len(raw) != 32) {
		return "", errors.New("must be a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons")
	}
	return digits, nil
}

// CloudUser splits Cloud_Auth at its first colon; a password may contain more.
func (c *Config) CloudUser() (user, password string) {
	user, password, _ = strings.Cut(c.CloudAuth, ":")
	return user, password
}

// Secret names the option with the secret of every request, "" for none. A signature (AWS_Auth)
// contains no secret.
func (c *Config) Secret() string {
	for _, o := range c.credentials() {
		if o.Name != "AWS_Auth" {
			return o.Name
		}
	}
	if len(c.Headers) > 0 {
		return "Headers"
	}
	return ""
}

// hostUsers is the number of Hosts with a user in their URL.
func (c *Config) hostUsers() (n int) {
	for _, host := range c.Hosts {
		if host.User != nil {
			n++
		}
	}
	return n
}

// everyHostHasUser reports Hosts of which only some have a user.
func everyHostHasUser(c *Config) error {
	if n := c.hostUsers(); n > 0 && n < len(c.Hosts) {
		return errors.New("has a user in some URLs and none in others: write it into each, or use HTTP_User and HTTP_Passwd")
	}
	return nil
}

func isUserAndPassword(c *Config) error {
	if user, password := c.CloudUser(); c.CloudAuth != "" && (user == "" || password == "") {
		return errors.New("must be user:password")
	}
	return nil
}

func hasNoColon(c *Config) error {
	if strings.Contains(c.User, ":") {
		return errors.New("must be without a colon, which ends the user's name in HTTP")
	}
	return nil
}

func isOneWord(c *Config) error {
	if strings.ContainsAny(c.APIKey, " \t\r\n") {
		return errors.New("must be the key alone, encoded as Elasticsearch prints it, or id:key")
	}
	return nil
}

// speaksTLS reports whether any of the addresses is https.
func (c *Config) speaksTLS() bool {
	return slices.ContainsFunc(c.Addresses(), func(u *url.URL) bool { return u.Scheme == "https" })
}
