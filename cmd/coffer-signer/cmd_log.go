package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/requestlog"
)

func (a *app) logCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "log",
		Short: "Read the machine's own log of requests",
		Long: `requests.log in the machine's home has a line for each request and each connection that was refused, whatever came of
it, chained by hashes. When it is full, it is put aside as requests-NUMBER.log and the chain goes on in the next one.
The machine never removes one: put full ones elsewhere.`,
		Example: "  coffer-signer log verify\n  coffer-signer log show --since 1h --code role_not_allowed",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(a.logVerify(), a.logShow())
	return c
}

// logFiles are the files that are named, else those of the home.
func (a *app) logFiles(args []string) ([]string, error) {
	if len(args) > 0 {
		return args, nil
	}
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	return requestlog.Files(home)
}

func (a *app) logVerify() *cobra.Command {
	var head string
	c := &cobra.Command{
		Use:   "verify [FILE...]",
		Short: "Find lines that were changed, taken out, put in or reordered",
		Long: `Reads the log of the machine's home, or the files that are named, oldest first, and names the first line that does not
fit (exit 4). What is missing at the end can only be told by whoever knows a later line: --head takes the number and
hash of one that was noted elsewhere: this command prints the last.`,
		Example: "  coffer-signer log verify\n  coffer-signer log verify requests-0000000000000001.log requests.log",
		RunE: func(_ *cobra.Command, args []string) error {
			var known requestlog.Head
			if head != "" {
				var err error
				if known, err = requestlog.ParseHead(head); err != nil {
					return err
				}
			}
			files, err := a.logFiles(args)
			if err != nil {
				return err
			}
			r, err := requestlog.Verify(files, known)
			if err != nil {
				return err
			}
			if a.json {
				return a.document(r)
			}
			a.say("%d lines in %d files, in order; head %s", r.Lines, r.Files, r.Head)
			if r.First > 1 {
				a.note("the lines before number %d are in files that are not here", r.First)
			}
			if r.Open {
				a.note("behind the last line stands the beginning of one: it is being written, or a crash left it")
			}
			return nil
		},
	}
	c.Flags().StringVar(&head, "head", "", "NUMBER:HASH of a line that was noted elsewhere")
	return c
}

func (a *app) logShow() *cobra.Command {
	var since time.Duration
	var code string
	c := &cobra.Command{
		Use:     "show [FILE...]",
		Short:   "Show lines of the log",
		Long:    "Oldest first. With --json each line as it is written. A line whose own hash does not fit ends it (exit 4).",
		Example: "  coffer-signer log show --since 1h\n  coffer-signer log show --code nonce_bound --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if since < 0 {
				return fault.New(fault.Usage, "bad_since", "--since 1h", "%s is no time that has passed", since)
			}
			files, err := a.logFiles(args)
			if err != nil {
				return err
			}
			from := time.Time{}
			if cmd.Flags().Changed("since") {
				from = time.Now().Add(-since)
			}
			return requestlog.Read(files, func(_ string, _ int, w requestlog.Written) error {
				if w.At.Before(from) || code != "" && !w.Has(code) {
					return nil
				}
				return a.showLine(w)
			}, nil)
		},
	}
	c.Flags().DurationVar(&since, "since", 0, "only lines of the last hours or minutes, as in 1h30m")
	c.Flags().StringVar(&code, "code", "", "only lines with this code, of the request or of one of its intents")
	return c
}

func (a *app) showLine(w requestlog.Written) error {
	if a.json {
		_, err := fmt.Fprintf(a.stdout, "%s\n", w.Line)
		return err
	}
	who := w.Who
	if w.Role != "" {
		who += " (" + w.Role + ")"
	}
	a.say("%s", strings.TrimRight(fmt.Sprintf("%s  %-24s  %-22s  %-18s  %s", w.At.Local().Format("2006-01-02 15:04:05.000 -0700"), who, w.Code, w.Path, w.Detail), " "))
	for _, in := range w.Intents {
		a.say("    %-22s  %-8s  %s  %s", in.Code, in.Purpose, in.Payment, in.Digest)
	}
	return nil
}
