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

// TLS has the trusted authorities and the client's certificate. The zero value trusts the machine's
// authorities.
type TLS struct {
	// SkipVerify accepts any certificate.
	SkipVerify bool
	// CAFile has the trusted authorities, PEM.
	CAFile string
	// CertFile and KeyFile are this client's, PEM; KeyPassword decrypts the key.
	CertFile, KeyFile, KeyPassword string
	// ServerName is the name in the server's certificate, in place of the host.
	ServerName string
	// CAFingerprint is the SHA-256 of the trusted authority, 64 digits.
	CAFingerprint string
	// MinVersion is as in tls.Config.
	MinVersion uint16
}

// tlsFiles is the content of the files.
type tlsFiles struct {
	roots       *x509.CertPool // nil: the machine's
	certificate *tls.Certificate
}

// paths are the paths to read, in the order of load's contents.
func (t TLS) paths() (paths []string) {
	for _, path := range []string{t.CAFile, t.CertFile, t.KeyFile} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// load parses the files' contents.
//
// Possible errors: *OptionError, which quotes nothing of a key.
func (t TLS) load(contents [][]byte) (*tlsFiles, error) {
	var m tlsFiles
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
func (t TLS) config(m *tlsFiles, host string) *tls.Config {
	c := &tls.Config{MinVersion: t.MinVersion, ServerName: t.ServerName, RootCAs: m.roots, InsecureSkipVerify: t.SkipVerify}
	if m.certificate != nil {
		// It is sent for any authorities that the server names, so that the server's own error
		// tells the reason.
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

// fingerprintError means that the server does not send the authority with the known fingerprint.
type fingerprintError struct{ sent []string }

func (e *fingerprintError) Error() string {
	return fmt.Sprintf("none of the certificates that the server sent has the fingerprint in TLS_CA_Fingerprint; theirs are %s", e.sent)
}

// verifyPinned trusts the certificate with the known fingerprint, and no other, as the authority of
// the server's certificate, which must be valid and have the name, as in Beats'
// ssl.ca_trusted_fingerprint.
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
