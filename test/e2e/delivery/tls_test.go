package delivery

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/faults"
	"out_es/test/host"
)

// TestTLSResetsCostNoRecord goes over the C ABI: a process reads SSL_CERT_FILE once, and the host's
// is a fresh one.
func TestTLSResetsCostNoRecord(t *testing.T) {
	const records = 3000
	for _, test := range []struct {
		name   string
		shares faults.TLS
		rules  []faults.Rule
	}{
		// Connections that are dropped make for many handshakes.
		{"in the handshake", faults.TLS{HandshakeResets: 0.6}, []faults.Rule{{Fault: faults.DropIdle, Share: 0.3}}},
		{"in the data", faults.TLS{DataResets: 1}, nil},
		{"both", faults.TLS{HandshakeResets: 0.3, DataResets: 0.7}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := e2e.Cluster(t)
			index := e2e.MappedIndex(t, s)
			proxy := e2e.StartFaults(t, s, faults.Options{Seed: 6, TLS: &test.shares, Rules: test.rules})
			authority := filepath.Join(t.TempDir(), "proxy.pem")
			if err := os.WriteFile(authority, proxy.CertificatePEM(), 0o600); err != nil {
				t.Fatal(err)
			}
			h, _ := e2e.StartHost(t, host.Options{Env: []string{"SSL_CERT_FILE=" + authority}})
			options := []string{"Generate_ID on", "Bulk_Size 4K", "Compress off", "Hosts " + proxy.URL(), "Index " + index}
			for key, value := range e2e.Impatient {
				options = append(options, key+" "+value)
			}
			o := e2e.Output(t, h, 2, options...)
			chunk := e2e.ChunkWith(t, records, nil)
			code := host.RETRY
			for deadline := time.Now().Add(time.Minute); code == host.RETRY && time.Now().Before(deadline); time.Sleep(e2e.ReplayPause) {
				var err error
				if code, err = o.Flush(t.Context(), "app", chunk); err != nil {
					t.Fatal(err)
				}
			}
			if err := o.Exit(); err != nil {
				t.Fatal(err)
			}
			proxy.Close()
			account := proxy.Account()
			t.Logf("%d requests, %d resets in the handshake, %d in the data, %d documents lost from sight", account.Requests(),
				account.HandshakeResets, account.DataResets, account.LostDocuments())
			if account.HandshakeResets > 0 != (test.shares.HandshakeResets > 0) || account.DataResets > 0 != (test.shares.DataResets > 0) {
				t.Error("other connections were reset than should be")
			}
			e2e.WantRecords(t, s, index, records)
		})
	}
}
