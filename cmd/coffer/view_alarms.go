package main

import (
	"fmt"

	"coffer.internal"
)

// alarmView is an alarm in --json.
type alarmView struct {
	ID        int64   `json:"id"`
	Key       string  `json:"key"`
	Kind      string  `json:"kind"`
	ChainType string  `json:"chain_type"`
	ChainID   int64   `json:"chain_id"`
	Address   *string `json:"address"`
	Request   *string `json:"request"`
	Brake     bool    `json:"brake"`
	Sticky    bool    `json:"sticky"`
	Why       string  `json:"why"`
	ToDo      string  `json:"todo"`
	Since     *string `json:"since"`
	SeenAt    *string `json:"seen_at"`
	EndedAt   *string `json:"ended_at"`
	EndedBy   *string `json:"ended_by"`
}

func viewAlarm(x coffer.Alarm) alarmView {
	return alarmView{
		ID: x.ID, Key: x.Key, Kind: x.Kind, ChainType: x.ChainType, ChainID: x.ChainID, Address: null(x.Address), Request: null(x.Payment),
		Brake: x.Brake, Sticky: x.Sticky, Why: x.Why, ToDo: x.ToDo, Since: stamp(x.Since), SeenAt: stamp(x.SeenAt),
		EndedAt: stamp(x.EndedAt), EndedBy: null(x.EndedBy),
	}
}

func viewAlarms(as []coffer.Alarm) []alarmView {
	views := make([]alarmView, len(as))
	for i, x := range as {
		views[i] = viewAlarm(x)
	}
	return views
}

// alarmsText names the open alarms about one wallet on one line.
func alarmsText(as []coffer.Alarm) string {
	if len(as) == 0 {
		return "none"
	}
	text := ""
	for i, x := range as {
		if i > 0 {
			text += "; "
		}
		text += fmt.Sprintf("%d %s", x.ID, x.Kind)
	}
	return text + "; hint: coffer alarms"
}
