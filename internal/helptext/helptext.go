// Package helptext is how coffer's programs explain themselves: one shape of help for every command, and errors that name what
// was probably meant.
//
// A help text says what the command does, how it is used, an example that can be typed, its flags and its exit codes, in lines
// of at most Width columns. It goes to stdout and is no error.
package helptext

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"coffer.internal/internal/fault"
)

// Width is how wide a line of help is at most.
const Width = 100

// ExitCodes is the annotation of a command whose exit codes are not those of its program.
const ExitCodes = "exit_codes"

func init() {
	cobra.EnableCommandSorting = false // commands stand in the order in which they are used, not by letter
}

// Install gives a program its help, once all its commands are there. exitCodes stands under every help text.
func Install(root *cobra.Command, exitCodes string) {
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { write(cmd.OutOrStdout(), cmd, exitCodes) })
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		write(cmd.OutOrStderr(), cmd, exitCodes)
		return nil
	})
	root.SetFlagErrorFunc(FlagError)
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	completion(root)
	for _, c := range All(root) {
		c.Args = usageFirst(c.Args)
	}
}

// All is a command and all commands below it that a person can see.
func All(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, child := range c.Commands() {
		if !child.Hidden {
			all = append(all, All(child)...)
		}
	}
	return all
}

func write(w io.Writer, c *cobra.Command, exitCodes string) {
	c.InitDefaultHelpFlag()
	fmt.Fprintln(w, Wrap(strings.TrimSpace(c.Long)))
	section(w, "Usage", usage(c))
	if c.HasExample() {
		section(w, "Examples", strings.TrimRight(c.Example, "\n "))
	}
	if c.HasAvailableSubCommands() {
		writeCommands(w, c)
	}
	if flags := c.LocalFlags(); flags.HasAvailableFlags() {
		section(w, "Flags", flags.FlagUsagesWrapped(Width))
	}
	if flags := c.InheritedFlags(); flags.HasAvailableFlags() {
		section(w, "Flags of every command", flags.FlagUsagesWrapped(Width))
	}
	if own := c.Annotations[ExitCodes]; own != "" {
		exitCodes = own
	}
	section(w, "Exit codes", indent(codes(exitCodes)))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\nMore about one of them: %s COMMAND --help\n", c.CommandPath())
	}
}

func section(w io.Writer, title, text string) {
	fmt.Fprintf(w, "\n%s:\n%s\n", title, strings.TrimRight(text, "\n"))
}

// writeCommands lists the commands below c: under their groups, if it has any.
func writeCommands(w io.Writer, c *cobra.Command) {
	lines := func(group string) string {
		var b strings.Builder
		for _, child := range c.Commands() {
			if child.GroupID == group && (child.IsAvailableCommand() || child.Name() == "help") {
				fmt.Fprintf(&b, "  %-*s  %s\n", child.NamePadding(), child.Name(), child.Short)
			}
		}
		return b.String()
	}
	for _, g := range c.Groups() {
		if text := lines(g.ID); text != "" {
			section(w, g.Title, text)
		}
	}
	if text := lines(""); text != "" {
		section(w, "Commands", text)
	}
}

// usage is one line for each way to use a command; in Use they stand with " | " between.
func usage(c *cobra.Command) string {
	above := ""
	if c.HasParent() {
		above = c.Parent().CommandPath() + " "
	}
	var lines []string
	for _, form := range strings.Split(c.Use, " | ") {
		form = above + form
		if c.HasAvailableSubCommands() {
			form += " COMMAND"
		}
		if c.HasAvailableFlags() {
			form += " [flags]"
		}
		lines = append(lines, "  "+form)
	}
	return strings.Join(lines, "\n")
}

// usageFirst makes a missing flag, and flags that exclude each other, errors of usage as wrong arguments are.
func usageFirst(args cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if args != nil {
			if err := asUsage(cmd, args(cmd, given)); err != nil {
				return err
			}
		}
		for _, check := range []func() error{func() error { return requiredFlags(cmd) }, cmd.ValidateFlagGroups} {
			if err := asUsage(cmd, check()); err != nil {
				return err
			}
		}
		return nil
	}
}

// requiredFlags names the first required flag that is missing.
func requiredFlags(cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if err == nil && !f.Changed && len(f.Annotations[cobra.BashCompOneRequiredFlag]) > 0 {
			err = fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "--%s is missing: %s", f.Name, f.Usage)
		}
	})
	return err
}

// asUsage makes cobra's own errors ours.
func asUsage(cmd *cobra.Command, err error) error {
	var ours *fault.Error
	if err == nil || errors.As(err, &ours) {
		return err
	}
	return fault.New(fault.Usage, "usage", cmd.CommandPath()+" --help", "%s", err.Error())
}
