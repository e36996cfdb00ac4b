package certs

import (
	"crypto/tls"
	"crypto/x509"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/vault"
)

// Serving is how the machine of this authority serves: TLS 1.3 alone, to clients of this authority that are on its list. There is no
// session resumption: each connection shows its certificate. It is read once; the list is read as it changes.
func (a *Authority) Serving() (*tls.Config, *Doorman, error) {
	ca, err := a.root()
	if err != nil {
		return nil, nil, err
	}
	if _, err := a.Entries(); err != nil {
		return nil, nil, err
	}
	own, err := a.own()
	if err != nil {
		return nil, nil, err
	}
	clients := x509.NewCertPool()
	clients.AddCert(ca)
	door := &Doorman{authority: a}
	return &tls.Config{
		Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
		MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true, NextProtos: []string{"http/1.1"}, Time: a.now,
		VerifyConnection: func(s tls.ConnectionState) error {
			_, err := door.Who(s.PeerCertificates[0])
			return err
		},
	}, door, nil
}

// own is the certificate that the machine shows.
func (a *Authority) own() (tls.Certificate, error) {
	cert, key := a.path(serverCert), a.path(serverKey)
	if err := vault.CheckPrivate(key, 0o600); err != nil {
		if fault.Code(err) == "no_file" {
			err = fault.New(fault.NotFound, "no_server_certificate", "coffer-signer cert server --host HOST", "this machine has no certificate to show: %s is missing", key)
		}
		return tls.Certificate{}, err
	}
	leaf, err := readCert(cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	k, err := readKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := a.now()
	switch {
	case !k.PublicKey.Equal(leaf.PublicKey):
		return tls.Certificate{}, fault.New(fault.Refused, "bad_certificate", "coffer-signer cert server --host HOST", "%s is not the key of %s", key, cert)
	case now.After(leaf.NotAfter):
		return tls.Certificate{}, fault.New(fault.Refused, "certificate_expired", "coffer-signer cert server --host HOST", "the machine's own certificate ran out at %s", leaf.NotAfter)
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: k, Leaf: leaf}, nil
}
