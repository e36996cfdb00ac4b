package helptext

import (
	"github.com/spf13/cobra"
)

// helpCommand is `help [COMMAND]`: what --help says, with the nearest verb for one that there is not.
func helpCommand(root *cobra.Command) *cobra.Command {
	program := root.Name()
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain the program, or one of its commands",
		Long:  "Prints what --help prints: what a command does, an example, its flags and its exit codes.",
		Example: "  " + program + " help\n" +
			"  " + program + " help " + root.Commands()[0].Name(),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			above, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var verbs []cobra.Completion
			for _, c := range above.Commands() {
				if c.IsAvailableCommand() {
					verbs = append(verbs, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return verbs, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			at := cmd.Root()
			for _, verb := range args {
				next := child(at, verb)
				if next == nil {
					return UnknownVerb(at, []string{verb})
				}
				at = next
			}
			return at.Help()
		},
	}
}

func child(c *cobra.Command, name string) *cobra.Command {
	for _, below := range c.Commands() {
		if below.Name() == name {
			return below
		}
	}
	return nil
}

// completion makes cobra's command for the shells' completion scripts, and explains it as all others are.
func completion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	c := child(root, "completion")
	if c == nil {
		return
	}
	program := root.Name()
	c.Short = "Print the script with which a shell completes commands and their arguments"
	c.Long = `Prints the script for bash, zsh, fish or powershell. With it, the tab key completes commands, flags and arguments.`
	c.Example = "  " + program + " completion bash > ~/.local/share/bash-completion/completions/" + program
	c.Args = UnknownVerb
	c.ValidArgsFunction = nil
	c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	for _, shell := range c.Commands() {
		shell.Short = "Print the script for " + shell.Name()
		shell.Example = "  " + program + " completion " + shell.Name() + " > " + map[string]string{
			"bash":       "~/.local/share/bash-completion/completions/" + program,
			"zsh":        `"${fpath[1]}/_` + program + `"`,
			"fish":       "~/.config/fish/completions/" + program + ".fish",
			"powershell": program + ".ps1",
		}[shell.Name()]
	}
}
