package emulator

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	caFileName   = "emulator-ca.pem"
	certFileName = "emulator.pem" // certificate and its CA
	keyFileName  = "emulator.key" // key of the certificate; the CA's key is thrown away
	certLife     = 365 * 24 * time.Hour
	certMargin   = 7 * 24 * time.Hour // a certificate that ends sooner is replaced
)

// NewCertificate returns a certificate for hosts (default: localhost, 127.0.0.1 and ::1) and the path of the CA file that
// clients must trust. The files are kept in dir and used again while they are valid for these hosts.
//
// The CA can vouch for these hosts only, and its key is never written: whoever finds the files cannot use the trust that a
// person gave to the CA for anything else. Real Salesforce host names are refused.
func NewCertificate(dir string, hosts ...string) (certificate tls.Certificate, caFile string, err error) {
	if len(hosts) == 0 {
		hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	for _, host := range hosts {
		if salesforceHost(hostname(host)) {
			return tls.Certificate{}, "", fmt.Errorf("make certificate: %s is a real Salesforce host", host)
		}
	}
	caFile = filepath.Join(dir, caFileName)
	if kept, err := keptCertificate(dir, hosts); err == nil {
		return kept, caFile, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tls.Certificate{}, "", fmt.Errorf("make certificate: %w", err)
	}
	made, err := makeCertificate(hosts, time.Now())
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("make certificate: %w", err)
	}
	for name, content := range map[string][]byte{caFileName: made.ca, certFileName: slices.Concat(made.leaf, made.ca), keyFileName: made.key} {
		if err := replaceFile(filepath.Join(dir, name), content); err != nil {
			return tls.Certificate{}, "", fmt.Errorf("make certificate: %w", err)
		}
	}
	certificate, err = tls.X509KeyPair(slices.Concat(made.leaf, made.ca), made.key)
	return certificate, caFile, err
}

// keptCertificate loads what an earlier run left, if it is still good.
func keptCertificate(dir string, hosts []string) (tls.Certificate, error) {
	kept, err := tls.LoadX509KeyPair(filepath.Join(dir, certFileName), filepath.Join(dir, keyFileName))
	if err != nil {
		return tls.Certificate{}, err
	}
	ca, err := os.ReadFile(filepath.Join(dir, caFileName))
	if err != nil {
		return tls.Certificate{}, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return tls.Certificate{}, errors.New("no certificate in the CA file")
	}
	for _, host := range hosts {
		if _, err := kept.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: time.Now().Add(certMargin)}); err != nil {
			return tls.Certificate{}, err
		}
	}
	return kept, nil
}

type certificateFiles struct{ ca, leaf, key []byte }

func makeCertificate(hosts []string, now time.Time) (*certificateFiles, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := unsigned(now, "sftoken emulator CA (tests only)")
	ca.IsCA, ca.BasicConstraintsValid, ca.MaxPathLenZero = true, true, true
	ca.KeyUsage = x509.KeyUsageCertSign
	ca.PermittedDNSDomainsCritical = true
	leaf := unsigned(now, "sftoken emulator")
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
			short := ip
			if v4 := ip.To4(); v4 != nil {
				short = v4
			}
			ca.PermittedIPRanges = append(ca.PermittedIPRanges, &net.IPNet{IP: short, Mask: net.CIDRMask(8*len(short), 8*len(short))})
			continue
		}
		leaf.DNSNames = append(leaf.DNSNames, host)
		ca.PermittedDNSDomains = append(ca.PermittedDNSDomains, host)
	}
	// A kind of name without any permitted one would be unrestricted.
	ca.PermittedDNSDomains = orElse(ca.PermittedDNSDomains, []string{"emulator.invalid"})
	ca.PermittedIPRanges = orElse(ca.PermittedIPRanges, []*net.IPNet{{IP: net.IPv4(127, 0, 0, 1).To4(), Mask: net.CIDRMask(32, 32)}})
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, leafKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		return nil, err
	}
	return &certificateFiles{
		ca:   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}),
		leaf: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leafDER}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}, nil
}

func orElse[T any](list, otherwise []T) []T {
	if len(list) > 0 {
		return list
	}
	return otherwise
}

func unsigned(now time.Time, name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic(err) // the system's random source cannot fail
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"sftoken"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certLife),
	}
}

// replaceFile writes a file that only its owner can read, whole or not at all.
func replaceFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".emulator-*") // mode 0600
	if err != nil {
		return err
	}
	_, errWrite := temporary.Write(content)
	err = cmp.Or(errWrite, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
	}
	return err
}
