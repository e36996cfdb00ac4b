package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// called counts who connects to a listener, and keeps them waiting for an answer.
func called(t *testing.T, network, address string) (l net.Listener, calls *atomic.Int32) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	calls = new(atomic.Int32)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var open []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			calls.Add(1)
			open = append(open, c)
		}
		for _, c := range open {
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	return l, calls
}

func offered(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, talk bytes.Buffer
	if code := run(t.Context(), append([]string{"__complete"}, args...), strings.NewReader(""), &out, &talk); code != 0 {
		t.Errorf("%q ended with %d: %s", args, code, talk.String())
	}
	return out.String(), talk.String()
}

func TestCompletingAsksNeitherNodeNorSigningMachineAndWaitsForNobody(t *testing.T) {
	home := filepath.Join(t.TempDir(), "h")
	t.Setenv("COFFER_HOME", home)
	t.Setenv("COFFER_DB", "")
	var out bytes.Buffer
	if code := run(t.Context(), []string{"init"}, nil, &out, &out); code != 0 {
		t.Fatal(out.String())
	}
	node, nodeCalls := called(t, "tcp", "127.0.0.1:0")
	_, signerCalls := called(t, "unix", filepath.Join(home, "signer.sock"))
	config := "[chain.evm.31337]\nrpc = [\"http://" + node.Addr().String() + "\"]\n"
	if err := os.WriteFile(filepath.Join(home, "coffer.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := run(t.Context(), []string{"create-internal", "0x52908400098527886E0F7030069857D2E4169EE7", "31337", "evm", "hot", "--signer", "unix:" + home + "/none"}, nil, &out, &out); code != 0 {
		t.Fatal(out.String())
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"info", ""}, "0x5290"}, {[]string{"create-hot", ""}, "31337\tlocal dev"},
		{[]string{"info", "0x52908400098527886E0F7030069857D2E4169EE7", ""}, "31337"}, {[]string{"tx", "show", ""}, ":4"},
	} {
		if got, _ := offered(t, c.args...); !strings.Contains(got, c.want) {
			t.Errorf("%q offers %q, want %q", c.args, got, c.want)
		}
	}
	if nodeCalls.Load() != 0 || signerCalls.Load() != 0 {
		t.Errorf("it asked the node %d times and the signing machine %d times", nodeCalls.Load(), signerCalls.Load())
	}

	// A database that takes calls and says nothing.
	silent, calls := called(t, "tcp", "127.0.0.1:0")
	got, talk := offered(t, "info", "", "--db", "postgres://coffer@"+silent.Addr().String()+"/coffer?sslmode=disable")
	if strings.Contains(got, "0x") || strings.Contains(talk, "coffer:") {
		t.Errorf("with a silent database it says %q, %q", got, talk)
	}
	got, talk = offered(t, "info", "--db", "postgres://coffer@"+silent.Addr().String()+"/coffer?sslmode=disable", "")
	if got != ":4\n" || strings.Contains(talk, "coffer:") || calls.Load() == 0 {
		t.Errorf("with a silent database it says %q, %q", got, talk)
	}
}
