package main

import (
	"github.com/spf13/cobra"

	"coffer.internal/internal/signer"
	"coffer.internal/internal/signer/policy"
)

func (a *app) policyExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain FILE",
		Short: "Say in sentences what a policy permits",
		Long: `Reads a policy as strictly as the machine does and says what it means, rule by rule. What is dangerous begins with
WARNING. It needs no home and changes nothing.`,
		Example:           `  coffer-signer policy explain policy.toml`,
		Args:              oneFile,
		ValidArgsFunction: files,
		RunE: func(_ *cobra.Command, args []string) error {
			_, p, err := signer.ReadPolicy(args[0])
			if err != nil {
				return err
			}
			return a.explainPolicy(p)
		},
	}
}

func (a *app) explainPolicy(p *policy.Policy) error {
	if a.json {
		return a.document(struct {
			Hash      string   `json:"hash"`
			Sentences []string `json:"sentences"`
			Warnings  []string `json:"warnings"` // those of them that say what is dangerous
		}{p.Hash(), p.Sentences(), append([]string{}, p.Warnings()...)})
	}
	a.say("Policy %s.", p.Hash())
	for _, s := range p.Sentences() {
		a.say("%s", s)
	}
	return nil
}
