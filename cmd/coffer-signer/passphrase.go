package main

import (
	"github.com/spf13/cobra"

	"coffer.internal/internal/fault"
	"coffer.internal/internal/signer/vault"
)

// passphrase is where the passphrase comes from: a file or a file descriptor.
type passphrase struct {
	file string
	fd   int
	cmd  *cobra.Command
}

func (p *passphrase) flags(cmd *cobra.Command) {
	p.cmd = cmd
	cmd.Flags().StringVar(&p.file, "passphrase-file", "", "file with the passphrase, readable to its owner alone")
	cmd.Flags().IntVar(&p.fd, "passphrase-fd", -1, "open file descriptor to read the passphrase from, instead of a file")
}

func (p *passphrase) read() ([]byte, error) {
	byFD := p.cmd.Flags().Changed("passphrase-fd")
	switch {
	case (p.file != "") == byFD:
		return nil, fault.New(fault.Usage, "usage", p.cmd.CommandPath()+" --passphrase-file FILE", "exactly one of --passphrase-file and --passphrase-fd is needed")
	case byFD && p.fd < 0:
		return nil, fault.New(fault.Usage, "bad_fd", "--passphrase-fd 3, with 3<FILE", "file descriptor %d is no number from 0", p.fd)
	case byFD:
		return vault.ReadPassphraseFD(uintptr(p.fd))
	}
	return vault.ReadPassphrase(p.file)
}
