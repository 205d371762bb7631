package elastic

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"
	jsoniter "github.com/json-iterator/go"

	"out_es/plugin/bulk"
)

// errorBytes is how much of an answer that is no 200 is read: Elasticsearch's
// error of a bulk is under 1 KB unless it quotes the request.
const errorBytes = 32 << 10

// transportFailure tells a request that can't have arrived from one that may
// have: as soon as a byte of the body was read, it may.
func transportFailure(err error, b *body, a *attempt) *bulk.Failure {
	f := &bulk.Failure{Class: bulk.Unreachable, Host: a.address, Err: withoutURL(err), Remedy: transportRemedy(err)}
	if b.read {
		f.Class = bulk.Ambiguous
	} else {
		f.Elsewhere = a.elsewhere
	}
	return f
}

// withoutURL drops the url.Error around err, whose text repeats the request's
// address with what a user may have put into it.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// transportRemedy names the setting that an error points at.
func transportRemedy(err error) string {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &dns):
		return "check the host names in Hosts"
	case errors.As(err, &authority):
		return "the server's certificate is signed by nobody whom this machine trusts: add its authority to the machine's, or name its file in the environment's SSL_CERT_FILE"
	case errors.As(err, &name):
		return "the server's certificate is for another name than the one in Hosts"
	case errors.As(err, &invalid):
		return "the server's certificate is not valid now: check its dates and this machine's clock"
	case errors.As(err, &record):
		return "this port speaks plain HTTP: write http:// in Hosts"
	case connecting(err):
		return "no connection within Connect_Timeout: check Hosts, and firewalls on the way"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer within Request_Timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check Hosts and whether Elasticsearch runs"
	case errors.Is(err, io.EOF):
		return "the server closed the connection without an answer: if it always does, it may want https:// in Hosts"
	}
	return ""
}

// connecting says that a connection, or its TLS handshake, took too long. The
// error of the handshake's timeout has no name, but, unlike that of the
// request's, doesn't call itself a context's.
func connecting(err error) bool {
	var (
		dial    *net.OpError
		timeout net.Error
	)
	if errors.As(err, &dial) && dial.Op == "dial" {
		return dial.Timeout()
	}
	return errors.As(err, &timeout) && timeout.Timeout() && !errors.Is(err, context.DeadlineExceeded)
}

// readFailure is that of an answer of 200 that can't be read to its end.
func readFailure(err error, a *attempt) *bulk.Failure {
	f := &bulk.Failure{Class: bulk.Ambiguous, Host: a.address, Status: http.StatusOK, Err: err, Remedy: transportRemedy(err)}
	if errors.Is(err, bulk.ErrForeign) {
		// Whoever answers 200 with a page has not passed the request on.
		f.Class, f.Remedy = bulk.Unauthorized, notElasticsearch
	}
	return f
}

const notElasticsearch = "the answer is not Elasticsearch's: check Hosts, and http:// or https:// in it"

// answerFailure reads an answer that is not 200.
func answerFailure(response *esapi.Response, a *attempt) *bulk.Failure {
	f := &bulk.Failure{Host: a.address, Status: response.StatusCode, RetryAfter: retryAfter(response.Header)}
	text, _ := io.ReadAll(io.LimitReader(response.Body, errorBytes))
	origin := bulk.FromElsewhere
	if kind, reason, ok := ownError(text); ok {
		origin = bulk.FromElasticsearch
		f.Type, f.Reason = kind, reason
	}
	f.Class = bulk.ClassOf(response.StatusCode, origin)
	f.Remedy = statusRemedy(response, origin)
	return f
}

// ownError recognises {"error":{"type":…,"reason":…},"status":…}, and the
// older {"error":"…","status":…}.
func ownError(text []byte) (kind, reason string, ok bool) {
	if !jsoniter.Valid(text) {
		return "", "", false
	}
	problem := jsoniter.Get(text, "error")
	switch problem.ValueType() {
	case jsoniter.StringValue:
		return "error", problem.ToString(), true
	case jsoniter.ObjectValue:
		return problem.Get("type").ToString(), problem.Get("reason").ToString(), true
	}
	return "", "", false
}

// statusRemedy names the setting that a status points at.
func statusRemedy(response *esapi.Response, origin bulk.Origin) string {
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized:
		return "check HTTP_User and HTTP_Passwd, or HTTP_API_Key"
	case status == http.StatusForbidden:
		return "the user or key of HTTP_User or HTTP_API_Key may not write there"
	case status == http.StatusProxyAuthRequired:
		return "a proxy wants credentials"
	case status == http.StatusNotFound:
		return "check the path in Hosts: there is no _bulk below it"
	case status >= 300 && status < 400:
		return "redirected, which is not followed: write the final address in Hosts"
	case status == http.StatusBadRequest && origin == bulk.FromElsewhere:
		return notElasticsearch
	}
	return ""
}

// retryAfter reads the header of that name: seconds or a date (RFC 9110).
func retryAfter(header http.Header) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 86400)) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(date))
	}
	return 0
}
