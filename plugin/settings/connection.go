package settings

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"out_es/plugin/aws"
	"out_es/plugin/config"
	"out_es/plugin/elastic"
)

// longestBulkTimeout is the maximum time that the server waits for a shard or an index of an item
// before it answers: all records of the request wait with it (docs/adr/0036). An answer must arrive
// well before Request_Timeout, so the wait is at most a quarter of that.
const longestBulkTimeout = 5 * time.Second

// elastic returns the servers and the credentials.
func (t *translation) elastic() elastic.Options {
	c := t.config
	o := elastic.Options{
		Hosts: c.Addresses(), User: c.User, Password: c.Password, APIKey: c.APIKey, APIKeyFile: c.APIKeyFile, TokenFile: c.BearerTokenFile, Header: c.Headers,
		TLS: elastic.TLS{
			SkipVerify: !c.TLSVerify, CAFile: c.TLSCAFile, CertFile: c.TLSCrtFile, KeyFile: c.TLSKeyFile, KeyPassword: c.TLSKeyPasswd,
			ServerName: c.TLSServerName, CAFingerprint: c.TLSCAFingerprint, MinVersion: tlsVersions[c.TLSMinVersion],
		},
		ConnectTimeout: c.ConnectTimeout, Budget: c.RetryBudget, BulkTimeout: min(longestBulkTimeout, c.RequestTimeout/4),
	}
	if c.CloudAuth != "" {
		o.User, o.Password = c.CloudUser()
		o.UserOption = "Cloud_Auth"
	}
	if c.AWSAuth {
		t.sign(&o)
	}
	switch c.Proxy {
	case "":
	case config.NoProxy:
		o.Proxy = elastic.NoProxy()
	default:
		proxy, err := url.Parse(c.Proxy)
		if err != nil { // checked by config
			t.fault("Proxy", c.Proxy, errors.New("must be a URL"))
		}
		o.Proxy = proxy
	}
	return o
}

// sign makes o sign its requests for AWS.
func (t *translation) sign(o *elastic.Options) {
	c := t.config
	signer, err := aws.New(aws.Options{
		Region: c.AWSRegion, Service: c.AWSServiceName, Profile: c.AWSProfile,
		RoleARN: c.AWSRoleARN, ExternalID: c.AWSExternalID, STSEndpoint: c.AWSSTSEndpoint,
	})
	switch {
	case errors.Is(err, aws.ErrRegion):
		t.fault("AWS_Region", c.AWSRegion, err)
	case err != nil && !errors.Is(err, aws.ErrBuild): // config rejects the option in that case
		t.fault("AWS_Auth", "on", err)
	}
	o.Sign, o.SignSecret = signer, c.AWSExternalID
}

var tlsVersions = map[string]uint16{"1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// NewClient returns a client with the section's options, and the fields that the caller set in
// s.Elastic.
//
// Possible errors: faults of the options that name files.
func (s *Settings) NewClient() (*elastic.Client, error) {
	client, err := elastic.New(s.Elastic)
	if err == nil {
		return client, nil
	}
	var faults config.Faults
	for _, one := range problemsOf(err) {
		problem, ok := errors.AsType[*elastic.OptionError](one)
		if !ok {
			return nil, err
		}
		faults = append(faults, s.config.FaultOf(problem.Option, problem.Value, problem.Err))
	}
	return nil, faults.Err()
}

// problemsOf splits joined errors.
func problemsOf(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, problemsOf(one)...)
		}
		return all
	}
	return []error{err}
}

// Warnings returns the warnings that are logged at every start: the risks that these settings leave
// on the way to Elasticsearch.
func (s *Settings) Warnings() (warnings []string) {
	c := s.config
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	if !c.TLSVerify {
		warn("TLS_Verify is off: all traffic to Elasticsearch can be read and changed in transit, credentials included; name the authority in TLS_CA_File, or its fingerprint in TLS_CA_Fingerprint")
	}
	secret := c.Secret()
	if secret == "" {
		return warnings
	}
	for _, u := range c.Addresses() {
		if u.Scheme == "http" && !isLoopback(u.Hostname()) {
			warn("%s is plain http: the credentials in %s, and every record, can be read in transit; write https:// in Hosts", u.Redacted(), secret)
		}
	}
	return warnings
}

// isLoopback reports whether a host is this machine in any network.
func isLoopback(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	ip := net.ParseIP(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback()
}
