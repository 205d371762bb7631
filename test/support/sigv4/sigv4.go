// Package sigv4 checks AWS signatures (Signature Version 4) of requests, as AWS's own servers do,
// by an implementation that shares no code with the SDK: it follows "Create a signed AWS API
// request" in the IAM User Guide.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Key is the expected key of a signature.
type Key struct {
	ID, Secret, Token string
	Region, Service   string
}

// dateLayout is that of X-Amz-Date.
const dateLayout = "20060102T150405Z"

// skew is how far a request's date may be off.
const skew = 5 * time.Minute

// Verify checks a request as received by a server: the signature, that all relevant headers are
// signed, the date, and the hash of the body.
func Verify(r *http.Request, body []byte, key Key, now time.Time) error {
	header := r.Header.Get("Authorization")
	parts, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !ok {
		return fmt.Errorf("sigv4: Authorization is %q", header)
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(parts, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	date := r.Header.Get("X-Amz-Date")
	signed, err := time.Parse(dateLayout, date)
	if err != nil || signed.Sub(now).Abs() > skew {
		return fmt.Errorf("sigv4: X-Amz-Date is %q at %s", date, now.UTC().Format(dateLayout))
	}
	if want := key.ID + "/" + key.scope(date); fields["Credential"] != want {
		return fmt.Errorf("sigv4: Credential is %q, want %q", fields["Credential"], want)
	}
	names := strings.Split(fields["SignedHeaders"], ";")
	for name := range r.Header {
		name = strings.ToLower(name)
		if (strings.HasPrefix(name, "x-amz-") || name == "content-type") && !slices.Contains(names, name) {
			return fmt.Errorf("sigv4: the header %s is not signed", name)
		}
	}
	if !slices.Contains(names, "host") {
		return fmt.Errorf("sigv4: host is not signed")
	}
	if r.Header.Get("X-Amz-Security-Token") != key.Token {
		return fmt.Errorf("sigv4: the session's token is not that of the key")
	}
	if told := r.Header.Get("X-Amz-Content-Sha256"); told != "" && told != hash(body) {
		return fmt.Errorf("sigv4: X-Amz-Content-Sha256 is not the body's")
	}
	if want := Signature(r, names, hash(body), key); fields["Signature"] != want {
		return fmt.Errorf("sigv4: the signature is %s, want %s", fields["Signature"], want)
	}
	return nil
}

func (k Key) scope(date string) string {
	return date[:8] + "/" + k.Region + "/" + k.Service + "/aws4_request"
}

// Signature is the expected signature of a request with these signed headers and this hash of its
// body.
func Signature(r *http.Request, names []string, bodyHash string, key Key) string {
	date := r.Header.Get("X-Amz-Date")
	var headers strings.Builder
	for _, name := range names {
		values := r.Header.Values(name)
		if name == "host" {
			values = []string{r.Host}
		} else if name == "content-length" {
			values = []string{fmt.Sprint(r.ContentLength)}
		}
		for i := range values {
			values[i] = strings.Join(strings.Fields(values[i]), " ")
		}
		headers.WriteString(name + ":" + strings.Join(values, ",") + "\n")
	}
	canonical := strings.Join([]string{r.Method, path(r.URL), query(r.URL), headers.String(), strings.Join(names, ";"), bodyHash}, "\n")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", date, key.scope(date), hash([]byte(canonical))}, "\n")
	secret := []byte("AWS4" + key.Secret)
	for _, part := range []string{date[:8], key.Region, key.Service, "aws4_request", text} {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(part))
		secret = mac.Sum(nil)
	}
	return hex.EncodeToString(secret)
}

// path encodes an encoded path once more, as for all services but S3.
func path(u *url.URL) string {
	if u.Path == "" {
		return "/"
	}
	parts := strings.Split(u.EscapedPath(), "/")
	for i, part := range parts {
		parts[i] = encode(part)
	}
	return strings.Join(parts, "/")
}

func query(u *url.URL) string {
	var pairs []string
	for name, values := range u.Query() {
		for _, value := range values {
			pairs = append(pairs, encode(name)+"="+encode(value))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// encode leaves RFC 3986's unreserved characters, and no others.
func encode(text string) string {
	var out strings.Builder
	for _, b := range []byte(text) {
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("-._~", b) >= 0 {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
