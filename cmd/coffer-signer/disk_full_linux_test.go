package main

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"coffer.internal/signing"
)

// A full disk, or a quota: no further byte can be written to any file. The machine stays, gives no answer, and goes on by itself.
func TestF33AMachineWhoseDiskIsFullGivesNoAnswerAndGoesOnWhenThereIsRoom(t *testing.T) {
	p := newProcess(t)
	c := p.client()
	k, err := c.NewKey(t.Context(), signing.KeyRequest{Ledger: ledger, ChainType: "evm", ChainID: 1, Ref: "hot"})
	if err != nil {
		t.Fatal(err)
	}
	i := intent(k.Address, 0)
	var room unix.Rlimit
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &room); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 0, Max: room.Max}, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if answers, err := c.Sign(t.Context(), signing.BatchOf(i)); !errors.Is(err, signing.ErrNoAnswer) {
			t.Errorf("with a full disk it answers %+v, %v", answers, err)
		}
	}
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &room, nil); err != nil {
		t.Fatal(err)
	}
	answers, err := c.Sign(t.Context(), signing.BatchOf(i))
	if err != nil || answers[0].Refusal != nil {
		t.Errorf("when there is room again it answers %+v, %v", answers, err)
	}
}
