package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"

	"coffer.internal/internal/fault"
)

// Certificates are the files with which a machine is spoken to over a network, as `coffer-signer cert client` writes them.
type Certificates struct {
	CA   string // certificate of the machine's authority: what the machine must show comes from there
	Cert string // certificate of this client
	Key  string // its key, readable to nobody else
}

// Option is something that a client may have.
type Option func(*Client)

// WithCertificates makes a client show itself with certificates. They are read for each new connection: new ones count without a new
// start.
func WithCertificates(c Certificates) Option { return func(to *Client) { to.certificates = c } }

const certHint = "coffer-signer cert client --name NAME --role client --out DIR on the signing machine; its files belong into coffer's home"

// secure connects over TLS 1.3, both sides with certificates.
func (c *Client) secure(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	config, err := c.certificates.load()
	if err != nil {
		return nil, err
	}
	config.ServerName = host
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(notThatMachine(err), conn.Close())
	}
	return secured, nil
}

func (c Certificates) load() (*tls.Config, error) {
	ca, err := c.read(c.CA)
	if err != nil {
		return nil, err
	}
	machines := x509.NewCertPool()
	if !machines.AppendCertsFromPEM(ca) {
		return nil, fault.New(fault.Usage, "bad_certificate", certHint, "%s is no certificate in PEM", c.CA)
	}
	cert, err := c.read(c.Cert)
	if err != nil {
		return nil, err
	}
	key, err := c.read(c.Key)
	if err != nil {
		return nil, err
	}
	if st, err := os.Stat(c.Key); err != nil || st.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.NotAllowed, "mode_too_open", "chmod 600 "+c.Key, "%s is the key to the signing machine, and open to others", c.Key)
	}
	own, err := tls.X509KeyPair(cert, key)
	clear(key)
	if err != nil { // what it says could hold bytes of the key
		return nil, fault.New(fault.Usage, "bad_certificate", certHint, "%s and %s are not a certificate and its key", c.Cert, c.Key)
	}
	return &tls.Config{Certificates: []tls.Certificate{own}, RootCAs: machines, MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}}, nil
}

func (c Certificates) read(path string) ([]byte, error) {
	if path == "" {
		return nil, fault.New(fault.Usage, "no_certificate", certHint, "a signing machine over a network needs certificates, and none are named")
	}
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.NotFound, "no_certificate", certHint, "%s does not exist", path)
	case err != nil:
		return nil, fault.Wrap(err, fault.NotAllowed, "no_certificate", certHint, "read the certificates for the signing machine")
	}
	return b, nil
}

// notThatMachine says which of the two sides did not take the other.
func notThatMachine(err error) error {
	if not := new(tls.CertificateVerificationError); errors.As(err, &not) {
		return fault.Wrap(err, fault.Unreachable, "signer_not_known", "signer_ca is the authority of that machine, and its certificate is for the name that it is called by",
			"what answers there is not the signing machine")
	}
	return turnedAway(err)
}

// turnedAway tells that the machine did not take this client. In TLS 1.3 it is heard only when its first answer is read.
func turnedAway(err error) error {
	if op := new(net.OpError); errors.As(err, &op) && op.Op == "remote error" {
		return fault.Wrap(err, fault.Unreachable, "signer_refuses_us", "coffer-signer cert list and coffer-signer log show, on the signing machine",
			"the signing machine does not take this certificate")
	}
	return err
}
