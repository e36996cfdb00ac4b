package helptext_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/helptext"
	"coffer.internal/internal/helptext/helptest"
)

// program is a small one: `till take COUNT [--from NAME]` and `till drawer open`.
func program() *cobra.Command {
	nothing := func(*cobra.Command, []string) error { return nil }
	root := &cobra.Command{Use: "till", Short: "s", Long: "l", Example: "  till take 3", Args: helptext.UnknownVerb, RunE: nothing, SilenceErrors: true, SilenceUsage: true}
	take := &cobra.Command{Use: "take COUNT | take --all", Short: "s", Long: "l", Example: "  till take 3 --from left", Args: cobra.MaximumNArgs(1), RunE: nothing}
	take.Flags().String("from", "", "which drawer")
	drawer := &cobra.Command{Use: "drawer", Short: "s", Long: "l", Example: "  till drawer open", Args: helptext.UnknownVerb, RunE: nothing}
	drawer.AddCommand(&cobra.Command{Use: "open", Short: "s", Long: "l", Example: "  till drawer open", Args: cobra.NoArgs, RunE: nothing})
	root.AddCommand(take, drawer)
	helptext.Install(root, "0 done · 2 usage")
	return root
}

func find(t *testing.T, root *cobra.Command, path ...string) *cobra.Command {
	t.Helper()
	c, _, err := root.Find(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAProgramWhoseHelpIsWholeHasNoProblems(t *testing.T) {
	if got := helptest.Problems(program); len(got) > 0 {
		t.Error(strings.Join(got, "\n"))
	}
}

func TestWhatIsWrongIsFoundInEveryCommandOfTheTree(t *testing.T) {
	for name, spoil := range map[string]func(*cobra.Command){
		"it has no Long":              func(c *cobra.Command) { c.Long = "" },
		"it has no Example":           func(c *cobra.Command) { c.Example = "" },
		"does not begin with till":    func(c *cobra.Command) { c.Example = "  open the till" },
		"--force":                     func(c *cobra.Command) { c.Example = "  till drawer open --force" },
		`unknown command "opne"`:      func(c *cobra.Command) { c.Example = "  till drawer opne" },
		`unknown command "now"`:       func(c *cobra.Command) { c.Example = "  till drawer open now" },
		"--wide is not explained":     func(c *cobra.Command) { c.Flags().Bool("wide", false, "") },
		"a line of its help has":      func(c *cobra.Command) { c.Example = "  till drawer open # " + strings.Repeat("x", 90) },
		"does not say the exit codes": func(c *cobra.Command) { c.Annotations = map[string]string{helptext.ExitCodes: "none"} },
	} {
		got := helptest.Problems(func() *cobra.Command {
			root := program()
			spoil(find(t, root, "drawer", "open"))
			return root
		})
		if len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), "till drawer open: ") || !strings.Contains(strings.Join(got, "\n"), name) {
			t.Errorf("%s: found %q", name, got)
		}
	}
}

func TestAHelpTextHasAllItsParts(t *testing.T) {
	root := program()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetArgs([]string{"take", "--help"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	want := `l

Usage:
  till take COUNT [flags]
  till take --all [flags]

Examples:
  till take 3 --from left

Flags:
      --from string   which drawer
  -h, --help          help for take

Exit codes:
  0 done · 2 usage
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestAnUnknownWordNamesTheNearest(t *testing.T) {
	for _, c := range []struct {
		args       []string
		says, hint string
	}{
		{[]string{"tkae"}, `unknown command "tkae"`, "did you mean `till take`?"},
		{[]string{"dr"}, `unknown command "dr"`, "did you mean `till drawer`?"},
		{[]string{"xyzzy"}, `unknown command "xyzzy"`, "till --help"},
		{[]string{"drawer", "opn"}, `unknown command "opn"`, "did you mean `till drawer open`?"},
		{[]string{"help", "drawr"}, `unknown command "drawr"`, "did you mean `till drawer`?"},
		{[]string{"completion", "bsh"}, `unknown command "bsh"`, "did you mean `till completion bash`?"},
		{[]string{"take", "--form", "left"}, "unknown flag: --form", "did you mean --from? till take --help"},
		{[]string{"take", "--colour"}, "unknown flag: --colour", "till take --help"},
		{[]string{"take", "1", "2"}, "accepts at most 1 arg(s), received 2", "till take --help"},
	} {
		root := program()
		root.SetArgs(c.args)
		err := root.Execute()
		if !errors.Is(err, fault.Usage) || err.Error() != c.says || fault.Hint(err) != c.hint {
			t.Errorf("%q: %v (hint %q)", c.args, err, fault.Hint(err))
		}
	}
}

func TestParagraphsAreFilledAndIndentedLinesStand(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("twelve chars ", 20))
	got := helptext.Wrap(long + "\nmore\n\n  as it\n    stands\nend")
	for i, line := range strings.Split(got, "\n") {
		if len(line) > helptext.Width {
			t.Errorf("line %d has %d columns", i, len(line))
		}
	}
	if !strings.HasSuffix(got, "chars more\n\n  as it\n    stands\nend") {
		t.Errorf("%q", got)
	}
}
