package signer

import "coffer.internal/internal/signer/requestlog"

// Meter counts what is asked of a machine. A nil one counts nothing.
type Meter struct{}

func (m *Meter) request(requestlog.Line) {}

func (m *Meter) refused(code string) {}
