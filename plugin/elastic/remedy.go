package elastic

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"syscall"

	"out_es/plugin/bulk"
	"out_es/plugin/exchange"
)

// transportRemedy names the setting that an error points at.
func transportRemedy(err error) string {
	if text := proxyRemedy(err); text != "" {
		return text
	}
	if text := tlsRemedy(err); text != "" {
		return text
	}
	var (
		dns  *net.DNSError
		sign *SignError
	)
	switch {
	case errors.As(err, &sign):
		return "check the AWS options, and the credentials that AWS's own rules find on this machine"
	case errors.As(err, &dns):
		return "check the host names in Hosts"
	case isConnectTimeout(err):
		return "no connection within Connect_Timeout: check Hosts, and firewalls and proxies on the way"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer within Request_Timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check Hosts and whether Elasticsearch runs"
	case errors.Is(err, io.EOF):
		return "the server closed the connection without an answer: if it always does, it may need https:// in Hosts"
	}
	return ""
}

// isConnectTimeout reports whether a connection, or its TLS handshake, took too long. The error of
// the handshake's timeout has no name, but, unlike that of the request's, doesn't call itself a
// context's.
func isConnectTimeout(err error) bool {
	var (
		dial    *net.OpError
		timeout net.Error
	)
	if errors.As(err, &dial) && dial.Op == "dial" {
		return dial.Timeout()
	}
	return errors.As(err, &timeout) && timeout.Timeout() && !errors.Is(err, context.DeadlineExceeded)
}

// proxyRemedy is "" for an error that is not a proxy's. net/http wraps one of connecting to a proxy
// in an OpError of its own.
func proxyRemedy(err error) string {
	if refusal, ok := errors.AsType[*exchange.ProxyError](err); ok {
		if refusal.Status == http.StatusProxyAuthRequired {
			return proxyCredentials
		}
		return "the proxy rejects the connection: check Proxy, or HTTPS_PROXY and NO_PROXY in the environment"
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && (dial.Op == "proxyconnect" || strings.HasPrefix(dial.Op, "socks")) {
		return "the proxy can't be reached: check Proxy, or HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment"
	}
	return ""
}

const proxyCredentials = "the proxy requires credentials: write them as user:password@ into the URL in Proxy, or in HTTPS_PROXY or HTTP_PROXY"

// tlsRemedy is "" for an error that is not one of TLS.
func tlsRemedy(err error) string {
	var (
		authority   x509.UnknownAuthorityError
		name        x509.HostnameError
		invalid     x509.CertificateInvalidError
		record      tls.RecordHeaderError
		fingerprint *fingerprintError
	)
	switch {
	case errors.As(err, &fingerprint):
		return "compare TLS_CA_Fingerprint with the authority's; a server that doesn't send its authority needs TLS_CA_File instead"
	case errors.As(err, &authority):
		return "the server's certificate is signed by an authority that is not trusted here: name the authority's file in TLS_CA_File, or its fingerprint in TLS_CA_Fingerprint"
	case errors.As(err, &name):
		return "the server's certificate is for another name than the one in Hosts: correct Hosts, or give the certificate's name in TLS_Server_Name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate is not valid now: check its dates and this machine's clock"
	case errors.As(err, &invalid):
		return "the server's certificate can't be used"
	case errors.As(err, &record):
		return "this port doesn't speak TLS: write http:// in Hosts, or the port that does"
	}
	return alertRemedy(err)
}

// alertRemedy reads the server's reason for ending a handshake: an OpError "remote error" with an
// alert of RFC 8446, section 6, whose type crypto/tls doesn't export. It is a number all the same.
func alertRemedy(err error) string {
	problem, ok := errors.AsType[*net.OpError](err)
	if !ok || problem.Op != "remote error" || problem.Err == nil || reflect.TypeOf(problem.Err).Kind() != reflect.Uint8 {
		return ""
	}
	const (
		handshakeFailure = 40
		badCertificate   = 42
		accessDenied     = 49
		protocolVersion  = 70
		unrecognizedName = 112
		certRequired     = 116
	)
	switch alert := reflect.ValueOf(problem.Err).Uint(); {
	case alert == protocolVersion:
		return "the server speaks no version of TLS that TLS_Min_Version allows: upgrade the server, or lower TLS_Min_Version"
	case alert == handshakeFailure:
		return "server and client have no cipher or version of TLS in common, or the server requires a client certificate: check TLS_Min_Version, TLS_Crt_File and TLS_Key_File"
	case alert == certRequired:
		return "the server requires a client certificate: set TLS_Crt_File and TLS_Key_File"
	case alert >= badCertificate && alert <= accessDenied && alert != 47:
		return "the server rejects the client certificate: check TLS_Crt_File, its dates, and the authorities that the server trusts"
	case alert == unrecognizedName:
		return "the server has no host of this name: check Hosts and TLS_Server_Name"
	}
	return ""
}

// statusRemedy names the setting that a status points at.
func (c *Client) statusRemedy(status int, origin bulk.Origin, a *attempt) string {
	given := c.credential.option
	switch {
	case status == http.StatusUnauthorized && given == "":
		return "the server requires credentials: set HTTP_User and HTTP_Passwd, or HTTP_API_Key"
	case status == http.StatusUnauthorized:
		return fmt.Sprintf("the server rejects the credentials of %s: they are wrong, or have expired", given)
	case status == http.StatusForbidden && given == "":
		return "writing without credentials is not allowed there: set HTTP_User and HTTP_Passwd, or HTTP_API_Key"
	case status == http.StatusForbidden:
		return fmt.Sprintf("the identity of %s may not write there: docs/security.md has the privileges that are needed", given)
	case status == http.StatusProxyAuthRequired:
		return proxyCredentials
	case status == http.StatusNotFound:
		return "check the path in Hosts: there is no _bulk below it"
	case status >= 300 && status < 400:
		return "redirected, which is not followed: write the final address in Hosts"
	case status == http.StatusBadRequest && origin == bulk.FromElsewhere:
		return c.foreignRemedy(a)
	}
	return ""
}

// foreignRemedy is for an answer that is not Elasticsearch's.
func (c *Client) foreignRemedy(a *attempt) string {
	const text = "the answer is not Elasticsearch's: check Hosts"
	if !strings.HasPrefix(a.address, "https://") {
		return text + "; if this port speaks TLS, write https:// there"
	}
	if c.pools.tls.CertFile == "" {
		return text + "; if the server requires a client certificate, set TLS_Crt_File and TLS_Key_File"
	}
	return text + ", and whether the server accepts the certificate in TLS_Crt_File"
}
