package elastic

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
)

// TLS says whom to trust, and who we are. The zero value trusts the machine's
// authorities.
type TLS struct {
	// SkipVerify takes any certificate.
	SkipVerify bool
	// CAFile has the authorities to trust, PEM.
	CAFile string
	// CertFile and KeyFile are this client's, PEM; KeyPassword decrypts the key.
	CertFile, KeyFile, KeyPassword string
	// ServerName is whom the certificate must be for, in place of the host.
	ServerName string
	// CAFingerprint is the SHA-256 of the authority to trust, 64 digits.
	CAFingerprint string
	// MinVersion is as in tls.Config.
	MinVersion uint16
}

// material is what was read of the files.
type material struct {
	roots       *x509.CertPool // nil: the machine's
	certificate *tls.Certificate
}

// files are those to read, in the order in which load takes their contents.
func (t TLS) files() (paths []string) {
	for _, path := range []string{t.CAFile, t.CertFile, t.KeyFile} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// load makes sense of the files' contents.
//
// Possible errors: *OptionError, which quotes nothing of a key.
func (t TLS) load(contents [][]byte) (*material, error) {
	var m material
	if t.CAFile != "" {
		m.roots = x509.NewCertPool()
		if !m.roots.AppendCertsFromPEM(contents[0]) {
			return nil, &OptionError{"TLS_CA_File", t.CAFile, errors.New("has no certificate in PEM form (-----BEGIN CERTIFICATE-----)")}
		}
		contents = contents[1:]
	}
	if t.CertFile != "" {
		certificate, err := t.keyPair(contents[0], contents[1])
		if err != nil {
			return nil, err
		}
		m.certificate = certificate
	}
	return &m, nil
}

// config is for connections to one host.
func (t TLS) config(m *material, host string) *tls.Config {
	c := &tls.Config{MinVersion: t.MinVersion, ServerName: t.ServerName, RootCAs: m.roots, InsecureSkipVerify: t.SkipVerify}
	if m.certificate != nil {
		// Sent whatever authorities the server names, so that it is the server
		// who says what it doesn't like.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return m.certificate, nil }
	}
	if t.CAFingerprint != "" {
		name := host
		if t.ServerName != "" {
			name = t.ServerName
		}
		c.InsecureSkipVerify = true // the check below takes its place
		c.VerifyConnection = func(state tls.ConnectionState) error { return t.verifyPinned(state, name) }
	}
	return c
}

// fingerprintError is that of a server which does not send the authority whose
// fingerprint is known.
type fingerprintError struct{ sent []string }

func (e *fingerprintError) Error() string {
	return fmt.Sprintf("none of the certificates that the server sent has the fingerprint in TLS_CA_Fingerprint; theirs are %s", e.sent)
}

// verifyPinned trusts the certificate with the known fingerprint, and no other,
// as the authority of the server's, which must be valid and for the name, as
// Beats' ssl.ca_trusted_fingerprint does.
func (t TLS) verifyPinned(state tls.ConnectionState, name string) error {
	want, err := hex.DecodeString(t.CAFingerprint)
	if err != nil {
		return err
	}
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	var unknown fingerprintError
	found := false
	for _, certificate := range state.PeerCertificates {
		sum := sha256.Sum256(certificate.Raw)
		if bytes.Equal(sum[:], want) {
			roots.AddCert(certificate)
			found = true
		} else {
			others.AddCert(certificate)
			unknown.sent = append(unknown.sent, hex.EncodeToString(sum[:]))
		}
	}
	if !found {
		return &unknown
	}
	_, err = state.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: others})
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
	}
	return nil
}
