package elastic

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/youmark/pkcs8"
)

// keyPair parses this client's certificate and key, both in PEM form.
//
// Possible errors: *OptionError. It names TLS_Crt_File if the certificate has no PEM block, and
// TLS_Key_File if the key can't be decrypted or belongs to another certificate.
func (t TLS) keyPair(certificate, key []byte) (*tls.Certificate, error) {
	if !hasBlock(certificate, "CERTIFICATE") {
		return nil, &OptionError{"TLS_Crt_File", t.CertFile, errors.New("has no certificate in PEM form (-----BEGIN CERTIFICATE-----)")}
	}
	clear, err := decryptKey(key, t.KeyPassword)
	if err != nil {
		return nil, &OptionError{"TLS_Key_File", t.KeyFile, err}
	}
	pair, err := tls.X509KeyPair(certificate, clear)
	if err != nil {
		return nil, &OptionError{"TLS_Key_File", t.KeyFile, fmt.Errorf("does not go with TLS_Crt_File %q: %w", t.CertFile, err)}
	}
	return &pair, nil
}

func hasBlock(text []byte, kind string) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == kind {
			return true
		}
	}
	return false
}

var (
	errNoKey       = errors.New("has no private key in PEM form (-----BEGIN … PRIVATE KEY-----)")
	errNoPassword  = errors.New("is encrypted: give its password in TLS_Key_Passwd")
	errKeyPassword = errors.New("can't be decrypted: the password in TLS_Key_Passwd is wrong, or the way of encryption is not PBES2 or OpenSSL's traditional one")
)

// decryptKey returns the key of a PEM file, decrypted. Errors of the decrypting libraries are left
// out: they give no reason.
func decryptKey(text []byte, password string) ([]byte, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY":
			return decryptPKCS8(block, password)
		//lint:ignore SA1019 such files exist: "openssl rsa -aes256 -traditional", and Elasticsearch's certutil, write them
		case x509.IsEncryptedPEMBlock(block):
			return decryptTraditional(block, password)
		case block.Type == "PRIVATE KEY", block.Type == "RSA PRIVATE KEY", block.Type == "EC PRIVATE KEY":
			return pem.EncodeToMemory(block), nil
		}
	}
	return nil, errNoKey
}

func decryptPKCS8(block *pem.Block, password string) ([]byte, error) {
	if password == "" {
		return nil, errNoPassword
	}
	key, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, []byte(password))
	if err != nil {
		return nil, errKeyPassword
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, errNoKey
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// decryptTraditional decrypts a key in the format of RFC 1423. Its encryption is weak, so the
// standard library advises against making new ones.
func decryptTraditional(block *pem.Block, password string) ([]byte, error) {
	if password == "" {
		return nil, errNoPassword
	}
	//lint:ignore SA1019 as above
	der, err := x509.DecryptPEMBlock(block, []byte(password))
	if err != nil {
		return nil, errKeyPassword
	}
	return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der}), nil
}
