//go:build aws

package aws

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"out_es/test/support/sigv4"
)

// fixed are constant credentials.
func fixed(k sigv4.Key) sdk.CredentialsProvider {
	return sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
		return sdk.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret, SessionToken: k.Token}, nil
	})
}

// The vectors with X-Amz-Content-Sha256, as in all our requests, must come out as published. The
// others must be accepted by a verifier that accepts the published ones.
func TestSignaturesAreThoseThatAWSPublishes(t *testing.T) {
	published := 0
	for _, v := range sigv4.Vectors() {
		at, err := time.Parse("20060102T150405Z", v.Date)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest(v.Method, v.URL, strings.NewReader(v.Body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range v.Header {
			r.Header.Set(name, value)
		}
		if err := signer(fixed(v.Key), v.Key.Service, v.Key.Region, func() time.Time { return at })(r, []byte(v.Body)); err != nil {
			t.Fatal(err)
		}
		if v.Header["X-Amz-Content-Sha256"] != "" {
			published++
			if !strings.HasSuffix(r.Header.Get("Authorization"), "Signature="+v.Signature) {
				t.Errorf("%s: %s, want %s", v.Name, r.Header.Get("Authorization"), v.Signature)
			}
		}
		if r.Host == "" {
			r.Host = r.URL.Host
		}
		if err := sigv4.Verify(r, []byte(v.Body), v.Key, at); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
	if published < 3 {
		t.Errorf("%d vectors", published)
	}
}
