package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A program that keeps the stream open gets each answer before it writes the next line. Nothing on its way may wait for more.
func TestEachLineIsAnsweredWhileTheStreamStaysOpen(t *testing.T) {
	home := filepath.Join(t.TempDir(), "h")
	t.Setenv("COFFER_HOME", home)
	t.Setenv("COFFER_DB", "")
	var talk bytes.Buffer
	if code := run(t.Context(), []string{"init"}, nil, &talk, &talk); code != 0 {
		t.Fatal(talk.String())
	}
	if err := os.WriteFile(filepath.Join(home, "coffer.toml"), []byte("[chain.evm.31337]\nrpc = [\"http://127.0.0.1:1\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stdin, lines := io.Pipe()
	answers, stdout := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code := run(t.Context(), []string{"withdraw", "--file", "-", "--json"}, stdin, stdout, &talk)
		_ = stdout.Close()
		ended <- code
	}()
	late := time.AfterFunc(20*time.Second, func() { // so that one who waits for ever fails here
		_ = answers.CloseWithError(fmt.Errorf("no answer while the stream is open"))
		_ = lines.Close()
	})
	defer late.Stop()

	in := bufio.NewReader(answers)
	for i, amount := range []string{"1", "zero", "2", "1e3"} {
		if _, err := fmt.Fprintf(lines, `{"request":"w-%d","chain_id":31337,"to":"0x52908400098527886E0F7030069857D2E4169EE7","amount":%q}`+"\n", i, amount); err != nil {
			t.Fatal(err)
		}
		text, err := in.ReadBytes('\n')
		if err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		var got struct {
			Request string
			State   string
			Error   *struct {
				Code     string
				ExitCode int `json:"exit_code"`
			}
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		refused := i%2 == 1
		if got.Request != fmt.Sprint("w-", i) || refused != (got.Error != nil) || !refused && got.State != "queued" || refused && got.Error.ExitCode != 2 {
			t.Errorf("line %d is answered %s", i, text)
		}
	}
	if err := lines.Close(); err != nil {
		t.Error(err)
	}
	if code := <-ended; code != 7 {
		t.Errorf("it ended with %d, want 7: %s", code, talk.String())
	}
}
