package explain

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/sftoken/sftoken"
)

// matchNetwork finds out what kept a request from getting an answer.
func matchNetwork(err *sftoken.TransportError, data map[string]string) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	if u, parseErr := url.Parse(err.URL); parseErr == nil && u.Host != "" {
		data["server"] = u.Host
	}
	if id := matchTLS(err, data); id != "" {
		return id
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		data["server"] = dns.Name
		if dns.IsTimeout {
			return "network-timeout"
		}
		return "network-dns"
	}
	switch timeout, ok := errors.AsType[net.Error](err); {
	case isRefused(err):
		return "network-refused"
	case ok && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "network-timeout"
	}
	return "network"
}

// matchTLS names who issued a certificate that is not trusted: when a proxy reads along, that is its company.
func matchTLS(err error, data map[string]string) string {
	if failed, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(failed.UnverifiedCertificates) > 0 {
		last := failed.UnverifiedCertificates[len(failed.UnverifiedCertificates)-1]
		data["issuer"] = nameOf(last)
	}
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		if unknown.Cert != nil && data["issuer"] == "" {
			data["issuer"] = nameOf(unknown.Cert)
		}
		return "network-tls-proxy"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "network-tls-expired"
	}
	_, isHostname := errors.AsType[x509.HostnameError](err)
	_, isVerification := errors.AsType[*tls.CertificateVerificationError](err)
	_, isRecord := errors.AsType[tls.RecordHeaderError](err)
	_, isAlert := errors.AsType[tls.AlertError](err)
	if isHostname || isVerification || isRecord || isAlert || errors.Is(err, http.ErrSchemeMismatch) {
		return "network-tls"
	}
	return ""
}

// nameOf returns the issuer's name, fit to be shown: it comes from whoever answered.
func nameOf(certificate *x509.Certificate) string {
	name := certificate.Issuer.CommonName
	if len(certificate.Issuer.Organization) > 0 {
		name = strings.TrimSpace(name + " (" + certificate.Issuer.Organization[0] + ")")
	}
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r > 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, name)
	return strings.ToValidUTF8(name[:min(len(name), 100)], "")
}

// isRefused also knows Windows' number for it, WSAECONNREFUSED.
func isRefused(err error) bool {
	const wsaConnRefused = syscall.Errno(10061)
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, wsaConnRefused)
}
