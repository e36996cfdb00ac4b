package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"coffer.internal"
	"coffer.internal/internal/fault"
	"coffer.internal/internal/helptext"
	"coffer.internal/internal/operators"
)

func (a *app) alarmsCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "alarms",
		Short: "Show what somebody has to know: what, where, since when, why, what to do",
		Long: `Lists the open alarms, oldest first. The daemon raises them, and ends by itself what is over. One that is a
brake keeps new payments from its wallet, or from every wallet of its chain, while others take over; what is
under way goes on. What is marked "until lifted" ends only by coffer alarms lift, because that it is no more
to be seen says nothing. The exit code is 0 whatever there is: for monitoring there is coffer health.`,
		Example: `  coffer alarms
  coffer alarms --all --json`,
		Args: helptext.UnknownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(s *coffer.System) error {
				as, err := s.Alarms(cmd.Context(), all)
				if err != nil {
					return err
				}
				return a.showAlarms(as, all)
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "those that have ended, too")
	c.AddCommand(a.alarmsLiftCommand())
	return c
}

func (a *app) alarmsLiftCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "lift ID",
		Short: "End an alarm that only a person ends, and its brake",
		Long: `Ends an alarm that is marked "until lifted", once its cause is understood and gone: its brake ends with it. Any
other alarm ends by itself; lifted while its cause is still there, it is raised again.`,
		Example: `  coffer alarms lift 3 --reason "key rotated, ticket 812"`,
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id < 1 {
				return fault.New(fault.Usage, "bad_alarm", "coffer alarms shows their ids", "%q is not the id of an alarm", args[0])
			}
			return a.act(cmd.Context(), coffer.Act{Verb: operators.AlarmLift, Alarm: id}, reason)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit log (required)")
	return c
}

func (a *app) showLifted(d coffer.AlarmDone) error {
	switch {
	case a.json:
		return a.document(struct {
			alarmView
			AlreadyEnded bool `json:"already_ended"`
		}{viewAlarm(d.Alarm), d.Already})
	case d.Already:
		a.say("alarm %d: already ended, %s, by %s", d.Alarm.ID, moment(d.Alarm.EndedAt), d.Alarm.EndedBy)
	default:
		a.say("alarm %d: lifted (%s)", d.Alarm.ID, d.Alarm.Key)
	}
	return nil
}

func (a *app) showAlarms(as []coffer.Alarm, all bool) error {
	if a.json {
		return a.document(map[string]any{"alarms": viewAlarms(as)})
	}
	if len(as) == 0 {
		a.note("no alarm is open%s", map[bool]string{false: "; those that have ended: coffer alarms --all", true: ", and none has ended"}[all])
		return nil
	}
	for _, x := range as {
		a.say("%d  %s", x.ID, alarmLine(x))
		a.say("   why: %s", oneLine(x.Why))
		if x.EndedAt.IsZero() {
			a.say("   to do: %s", oneLine(x.ToDo))
		}
	}
	return nil
}

// alarmLine is what, where and since when.
func alarmLine(x coffer.Alarm) string {
	line := x.Kind
	switch {
	case x.Brake && x.Sticky:
		line += " (brake, until lifted)"
	case x.Brake:
		line += " (brake)"
	case x.Sticky:
		line += " (until lifted)"
	}
	if x.ChainType != "" {
		line += fmt.Sprintf("  %s %d", x.ChainType, x.ChainID)
	}
	if x.Address != "" {
		line += " " + x.Address
	}
	if x.Payment != "" {
		line += " " + x.Payment
	}
	line += "  since " + moment(x.Since)
	if !x.EndedAt.IsZero() {
		line += fmt.Sprintf("  ended %s by %s", moment(x.EndedAt), x.EndedBy)
	}
	return line
}
