package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// copyTree copies every file that git knows or would take, as it stands, to a new folder.
func copyTree(ctx context.Context, tree string) error {
	names, err := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("list the files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		err := copyFile(name, filepath.Join(tree, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // deleted, and git was not told yet
			return err
		}
	}
	// npm's packages are too many to be copied. Tests that find none skip what needs them, and are then not believed.
	tools, err := filepath.Abs("testtools/node_modules")
	if err != nil {
		return err
	}
	return os.Symlink(tools, filepath.Join(tree, "testtools", "node_modules"))
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	st, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, b, st.Mode().Perm())
}

// applyAll applies patches one after the other, and says how many it could.
func applyAll(ctx context.Context, tree string, patches [][]byte) (applied int, err error) {
	for _, patch := range patches {
		if err := apply(ctx, tree, patch); err != nil {
			return applied, err
		}
		applied++
	}
	return applied, nil
}

// apply applies a patch to a tree, whole or not at all.
func apply(ctx context.Context, tree string, patch []byte, more ...string) error {
	cmd := exec.CommandContext(ctx, "git", append([]string{"apply"}, more...)...)
	cmd.Dir = tree
	// In a folder below a repository, git leaves out what is outside of that folder, without a word.
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(tree))
	cmd.Stdin = bytes.NewReader(patch)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the patch does not apply: %w\n%s", err, text)
	}
	return nil
}
