package faults

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
)

// secureClient trusts the proxy.
func secureClient(t *testing.T, p *Proxy) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(p.CertificatePEM()) {
		t.Fatal("the proxy's certificate can't be read")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestTLS(t *testing.T) {
	const requests = 40
	noise := make([]byte, 4<<10) // incompressible
	rand.NewChaCha8([32]byte{}).Read(noise)
	large := append(bulk(1), fmt.Sprintf("{\"create\":{}}\n\"%x\"\n", noise)...)
	for _, test := range []struct {
		name               string
		shares             TLS
		handshakes, data   bool
		someFail, someWork bool
	}{
		{name: "honest", someWork: true},
		{name: "resets in the handshake", shares: TLS{HandshakeResets: 1}, handshakes: true, someFail: true},
		{name: "resets in the data", shares: TLS{DataResets: 1}, data: true, someFail: true, someWork: true},
		{name: "both", shares: TLS{HandshakeResets: 0.3, DataResets: 0.5}, handshakes: true, data: true, someFail: true, someWork: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			behind := newTarget(t)
			p := startProxy(t, Options{Target: behind.URL, Seed: 5, TLS: &test.shares})
			client := secureClient(t, p)
			worked := 0
			for range requests {
				if status, _, _, err := post(t, client, p.URL()+"/_bulk", large); err == nil && status == http.StatusOK {
					worked++
				}
			}
			a := p.Account()
			if (a.HandshakeResets > 0) != test.handshakes || (a.DataResets > 0) != test.data {
				t.Errorf("%d resets in the handshake, %d in the data", a.HandshakeResets, a.DataResets)
			}
			if (worked < requests) != test.someFail || (worked > 0) != test.someWork {
				t.Errorf("%d of %d requests worked", worked, requests)
			}
			if reached := behind.documents(); reached != 2*worked+a.LostDocuments() {
				t.Errorf("%d documents reached the target, the client knows of %d, %d are lost", reached, 2*worked, a.LostDocuments())
			}
		})
	}
}
