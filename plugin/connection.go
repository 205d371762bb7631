package plugin

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"strings"

	"out_es/plugin/aws"
	"out_es/plugin/config"
	"out_es/plugin/elastic"
	"out_es/plugin/fluentbit"
)

// elastic says where Elasticsearch is and who asks.
func (t *translation) elastic() elastic.Options {
	c := t.config
	o := elastic.Options{
		Hosts: c.Addresses(), User: c.User, Password: c.Password, APIKey: c.APIKey, TokenFile: c.BearerTokenFile, Header: c.Headers,
		TLS: elastic.TLS{
			SkipVerify: !c.TLSVerify, CAFile: c.TLSCAFile, CertFile: c.TLSCrtFile, KeyFile: c.TLSKeyFile, KeyPassword: c.TLSKeyPasswd,
			ServerName: c.TLSServerName, CAFingerprint: c.TLSCAFingerprint, MinVersion: tlsVersions[c.TLSMinVersion],
		},
		ConnectTimeout: c.ConnectTimeout,
		UserAgent:      fmt.Sprintf("out_es/%s (%s)", Version, runtime.Version()),
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
		if err != nil { // config has read it before
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
	case err != nil && !errors.Is(err, aws.ErrBuild): // config has refused the option in that case
		t.fault("AWS_Auth", "on", err)
	}
	o.Sign, o.Hidden = signer, c.AWSExternalID
}

var tlsVersions = map[string]uint16{"1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// newClient reports what is wrong with the files that options name as a fault
// of those.
func newClient(c *config.Config, o elastic.Options) (*elastic.Client, error) {
	client, err := elastic.New(o)
	if err == nil {
		return client, nil
	}
	var faults config.Faults
	for _, one := range problemsOf(err) {
		problem, ok := errors.AsType[*elastic.OptionError](one)
		if !ok {
			return nil, err
		}
		faults = append(faults, c.FaultOf(problem.Option, problem.Value, problem.Err))
	}
	return nil, faults.Err()
}

// problemsOf takes joined errors apart.
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

// warnOfConnection says at every start what the settings leave open to anybody
// on the way.
func warnOfConnection(host *fluentbit.Instance, c *config.Config) {
	if !c.TLSVerify {
		host.Log(fluentbit.Warn, "TLS_Verify is off: anybody on the way to Elasticsearch can read and change everything, credentials included; name the authority in TLS_CA_File, or its fingerprint in TLS_CA_Fingerprint")
	}
	secret := c.Secret()
	if secret == "" {
		return
	}
	for _, u := range c.Addresses() {
		if u.Scheme == "http" && !isLoopback(u.Hostname()) {
			host.Log(fluentbit.Warn, "%s is plain http: what %s holds, and every record, can be read on the way to it; write https:// in Hosts", u.Redacted(), secret)
		}
	}
}

// isLoopback says whether a host is this machine, whatever the network.
func isLoopback(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	ip := net.ParseIP(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback()
}
