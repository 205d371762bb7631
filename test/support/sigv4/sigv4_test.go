package sigv4

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// received is a vector's request as a server gets it.
func received(v Vector) (r *http.Request, names []string) {
	r = httptest.NewRequest(v.Method, v.URL, strings.NewReader(v.Body))
	names = []string{"host", "x-amz-date"}
	for name, value := range v.Header {
		r.Header.Set(name, value)
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	r.Header.Set("X-Amz-Date", v.Date)
	return r, names
}

func TestSignaturesAreThoseThatAWSPublishes(t *testing.T) {
	for _, v := range Vectors() {
		r, names := received(v)
		if got := Signature(r, names, hash([]byte(v.Body)), v.Key); got != v.Signature {
			t.Errorf("%s: %s, want %s", v.Name, got, v.Signature)
		}
	}
}

func TestWrongSignaturesAreNotVerified(t *testing.T) {
	for _, v := range Vectors() {
		now, err := time.Parse(dateLayout, v.Date)
		if err != nil {
			t.Fatal(err)
		}
		request := func() *http.Request {
			r, names := received(v)
			r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", v.Key.ID, v.Key.scope(v.Date), strings.Join(names, ";"), v.Signature))
			return r
		}
		if err := Verify(request(), []byte(v.Body), v.Key, now); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
		wrong := map[string]func(*http.Request, *Key, *[]byte, *time.Time){
			"method": func(r *http.Request, _ *Key, _ *[]byte, _ *time.Time) { r.Method = "PUT" },
			"path":   func(r *http.Request, _ *Key, _ *[]byte, _ *time.Time) { r.URL.Path += "x" },
			"query":  func(r *http.Request, _ *Key, _ *[]byte, _ *time.Time) { r.URL.RawQuery += "&x=y" },
			"host":   func(r *http.Request, _ *Key, _ *[]byte, _ *time.Time) { r.Host = "elsewhere" },
			"header": func(r *http.Request, _ *Key, _ *[]byte, _ *time.Time) { r.Header.Set("X-Amz-Security-Token", "t") },
			"body":   func(_ *http.Request, _ *Key, body *[]byte, _ *time.Time) { *body = append(*body, 'x') },
			"key":    func(_ *http.Request, k *Key, _ *[]byte, _ *time.Time) { k.Secret += "x" },
			"region": func(_ *http.Request, k *Key, _ *[]byte, _ *time.Time) { k.Region = "eu-west-1" },
			"token":  func(_ *http.Request, k *Key, _ *[]byte, _ *time.Time) { k.Token = "t" },
			"clock":  func(_ *http.Request, _ *Key, _ *[]byte, now *time.Time) { *now = now.Add(2 * skew) },
			"unsigned": func(r *http.Request, _ *Key, _ *[]byte, _ *time.Time) {
				r.Header.Set("Authorization", "Basic x")
			},
		}
		for name, change := range wrong {
			r, key, body, at := request(), v.Key, []byte(v.Body), now
			change(r, &key, &body, &at)
			if Verify(r, body, key, at) == nil {
				t.Errorf("%s, another %s is verified", v.Name, name)
			}
		}
	}
}
