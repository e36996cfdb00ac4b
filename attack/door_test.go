package attack

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/certs"
	"coffer.internal/internal/signer/wire"
	"coffer.internal/signing"
)

// comeThroughTheDoor: the machine serves over a network. The thief has authorizations that are not to be used any more, and no certificate
// that lets him ask for signatures.
var comeThroughTheDoor = []attempt{
	{"110-with-a-readers-certificate", nil, func(th *thief) {
		d := newDoor(th)
		d.refused(d.issue("auditor", certs.Reader), "role_not_allowed")
	}},
	{"111-with-an-officers-certificate", nil, func(th *thief) {
		d := newDoor(th)
		d.refused(d.issue("anna", certs.Officer), "role_not_allowed")
	}},
	{"112-with-a-revoked-certificate", nil, func(th *thief) {
		d := newDoor(th)
		stolen := d.issue("coffer-1", certs.Client)
		d.revoke("coffer-1")
		d.refused(stolen, noAnswer)
	}},
	{"113-revoked-on-a-connection-that-is-open", nil, func(th *thief) {
		d := newDoor(th)
		web := d.connect(d.issue("coffer-1", certs.Client))
		d.look(web)
		d.revoke("coffer-1")
		d.refusedTo(web, "certificate_revoked")
	}},
	{"114-run-out-on-a-connection-that-is-open", nil, func(th *thief) {
		d := newDoor(th)
		web := d.connect(d.issue("coffer-1", certs.Client))
		d.look(web)
		th.m.clock.pass(31 * 24 * time.Hour)
		d.refusedTo(web, "certificate_expired")
	}},
	{"115-with-the-authoritys-key", nil, func(th *thief) {
		d := newDoor(th)
		d.refused(d.forge(), noAnswer)
	}},
	{"116-without-a-certificate", nil, func(th *thief) {
		d := newDoor(th)
		d.refused(tls.Certificate{}, noAnswer)
	}},
	{"117-over-tls-1.2", nil, func(th *thief) {
		d := newDoor(th)
		d.most = tls.VersionTLS12 // somebody between the two breaks what is older than TLS 1.3
		d.refused(d.issue("coffer-1", certs.Client), noAnswer)
	}},
	{"118-with-a-revoked-key-that-is-certified-anew", nil, func(th *thief) {
		d := newDoor(th)
		d.asksAgain()
	}},
}

// noAnswer is that there was none: the handshake failed.
const noAnswer = "no answer"

// door is a machine's, to a network.
type door struct {
	*thief
	authority *certs.Authority
	addr      string
	roots     *x509.CertPool
	most      uint16 // the version of TLS that the thief speaks at most; 0: any
}

// newDoor gives the thief a machine that serves over a network.
func newDoor(th *thief) *door {
	th.Helper()
	th.own()
	d := &door{thief: th, authority: certs.In(th.m.home, th.m.clock.now), roots: x509.NewCertPool()}
	_, err := d.authority.Init()
	must(th.T, err)
	_, err = d.authority.Server([]string{"127.0.0.1"}, 400)
	must(th.T, err)
	config, door, err := d.authority.Serving()
	must(th.T, err)
	ca, err := os.ReadFile(filepath.Join(th.m.home, "certs", "ca.pem"))
	must(th.T, err)
	d.roots.AppendCertsFromPEM(ca)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(th.T, err)
	d.addr = l.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	server := signer.NewServer(th.m.signer, slog.New(slog.DiscardHandler), signer.ServerOptions{})
	go func() { served <- server.ServeTLS(ctx, l, config, door) }()
	th.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			th.Errorf("the machine's door: %v", err)
		}
	})
	return d
}

// issue is a certificate that the machine's operator made.
func (d *door) issue(name string, role certs.Role) tls.Certificate {
	d.Helper()
	dir := filepath.Join(d.TempDir(), name)
	_, err := d.authority.Client(name, role, 30, dir)
	must(d.T, err)
	c, err := tls.LoadX509KeyPair(filepath.Join(dir, certs.ClientCert), filepath.Join(dir, certs.ClientKey))
	must(d.T, err)
	return c
}

func (d *door) revoke(name string) {
	d.Helper()
	_, _, err := d.authority.Revoke(name)
	must(d.T, err)
}

// forge is a certificate of somebody who stole the authority's key, and did not get at the list.
func (d *door) forge() tls.Certificate {
	d.Helper()
	authority, err := tls.LoadX509KeyPair(filepath.Join(d.m.home, "certs", "ca.pem"), filepath.Join(d.m.home, "certs", "ca.key"))
	must(d.T, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(d.T, err)
	now := d.m.clock.now()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "coffer-1"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, authority.Leaf, key.Public(), authority.PrivateKey)
	must(d.T, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// asksAgain has a certificate revoked, and its key certified once more under another name, as the thief who has that key asks for.
func (d *door) asksAgain() {
	d.Helper()
	stolen := d.issue("coffer-1", certs.Client)
	d.revoke("coffer-1")
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "coffer-2"}}, stolen.PrivateKey)
	must(d.T, err)
	dir := filepath.Join(d.TempDir(), "again")
	if _, err := d.authority.Sign(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), "coffer-2", certs.Client, 30, dir); err != nil {
		if fault.Code(err) != "key_used" {
			d.Error(err)
		}
		return
	}
	d.Error("it is certified")
	text, err := os.ReadFile(filepath.Join(dir, certs.ClientCert))
	must(d.T, err)
	b, _ := pem.Decode(text)
	d.ask(d.connect(tls.Certificate{Certificate: [][]byte{b.Bytes}, PrivateKey: stolen.PrivateKey}))
}

func (d *door) connect(c tls.Certificate) *http.Client {
	config := &tls.Config{RootCAs: d.roots, MaxVersion: d.most, Time: d.m.clock.now}
	if c.Certificate != nil {
		config.Certificates = []tls.Certificate{c}
	}
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	d.Cleanup(web.CloseIdleConnections)
	return web
}

// look opens the connection.
func (d *door) look(web *http.Client) {
	d.Helper()
	if status, _, code := d.exchange(web, http.MethodGet, wire.PathStatus, nil); status != http.StatusOK {
		d.Fatalf("whoever may look does not see the status: %d %s", status, code)
	}
}

// ask asks for a payment that is authorized, sends what is signed, and says with which code it was refused.
func (d *door) ask(web *http.Client) (code string) {
	d.Helper()
	r := d.authorized(d.pay("p"))
	body, err := wire.Encode(wire.SignRequest{Intents: []json.RawMessage{r.Intent.Canonical()}, Authorizations: [][]string{r.Authorizations}})
	must(d.T, err)
	status, text, code := d.exchange(web, http.MethodPost, wire.PathSign, body)
	if status != http.StatusOK {
		return code
	}
	var got wire.SignAnswers
	must(d.T, json.Unmarshal(text, &got))
	for _, a := range got.Answers {
		d.send(signing.Answer{Raw: a.Raw, Hash: a.Hash, Refusal: a.Refusal})
	}
	return ""
}

// exchange asks the machine over the network.
func (d *door) exchange(web *http.Client, method, path string, body []byte) (status int, text []byte, code string) {
	d.Helper()
	req, err := http.NewRequestWithContext(d.Context(), method, "https://"+d.addr+path, bytes.NewReader(body))
	must(d.T, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := web.Do(req)
	if err != nil {
		return 0, nil, noAnswer
	}
	defer res.Body.Close()
	if text, err = io.ReadAll(res.Body); err != nil {
		return 0, nil, noAnswer
	}
	var p wire.Problem
	if res.StatusCode != http.StatusOK {
		must(d.T, json.Unmarshal(text, &p))
	}
	return res.StatusCode, text, p.Error.Code
}

func (d *door) refused(c tls.Certificate, code string) {
	d.Helper()
	d.refusedTo(d.connect(c), code)
}

func (d *door) refusedTo(web *http.Client, code string) {
	d.Helper()
	if got := d.ask(web); got != code {
		d.Errorf("answered with %q, not with %s", got, code)
	}
}
