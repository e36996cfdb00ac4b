package newfile

import (
	"os"
	"path/filepath"
	"testing"

	"coffer.internal/internal/fault"
)

func TestAFileIsWrittenOnceAndForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := Write(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("second")); fault.Code(err) != "file_exists" {
		t.Errorf("written over: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "first" {
		t.Errorf("it holds %q, %v", b, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("%v lies there, %v", left, err)
	}
}

func TestALinkThatLeadsNowhereIsNotWrittenThrough(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), path); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("x")); fault.Code(err) != "file_exists" {
		t.Errorf("%v", err)
	}
}

func TestAFolderThatIsNotThereIsNamed(t *testing.T) {
	if err := Write(filepath.Join(t.TempDir(), "no", "f"), nil); fault.Code(err) != "not_written" {
		t.Errorf("%v", err)
	}
}
