package requestlog

import (
	"errors"
	"strings"
	"testing"

	"coffer.internal/internal/fault"
)

// stubborn is a file that takes nothing while full is set, or half of it.
type stubborn struct {
	file
	full bool
}

func (s *stubborn) Write(b []byte) (int, error) {
	if !s.full {
		return s.file.Write(b)
	}
	n, err := s.file.Write(b[:len(b)/2])
	return n, errors.Join(err, errors.New("no space left on device"))
}

func TestALogThatCannotBeWrittenSaysSoAndGoesOnByItself(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := &stubborn{file: l.file}
	l.file = f
	if err := l.Append(Line{Code: "ok"}); err != nil {
		t.Fatal(err)
	}
	f.full = true
	for range 3 {
		if err := l.Append(Line{Code: "lost"}); fault.Code(err) != CodeNotWritten || !errors.Is(err, fault.Unreachable) {
			t.Errorf("%v", err)
		}
	}
	if err := l.Ready(); fault.Code(err) != CodeNotWritten || !l.Failing() {
		t.Errorf("it is ready: %v", err)
	}
	f.full = false
	if err := l.Ready(); err != nil || l.Failing() {
		t.Errorf("it is not ready: %v", err)
	}
	if err := errors.Join(l.Append(Line{Code: "ok"}), l.Close()); err != nil {
		t.Fatal(err)
	}
	var said bool
	files, _ := Files(dir)
	if r, err := Verify(files, Head{}); err != nil || r.Lines != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	err = Read(files, func(_ string, _ int, w Written) error {
		said = said || w.Code == "log_resumed" && strings.HasPrefix(w.Detail, "3 lines could not be written")
		return nil
	}, nil)
	if err != nil || !said {
		t.Errorf("what was lost is not said, %v", err)
	}
}
