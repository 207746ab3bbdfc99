package projections_test

import (
	"errors"
	"testing"

	"greffe/ledger/chain"
	"greffe/projections"
	"greffe/projections/projectionstest"
)

func TestFrame(t *testing.T) {
	l := projectionstest.New(t)
	l.Publish(t, "measure.adopted.v1", "measure/TOM-01", nil)
	got, err := projections.FrameOf(l.Records[0])
	if err != nil || got.Ledger != "main" || got.LedgerID != projectionstest.LedgerID || got.Zone.String() != "Europe/Paris" || got.Calendar != "FR" {
		t.Errorf("got %+v, %v", got, err)
	}

	nowhere := projectionstest.New(t)
	ev := nowhere.Event("ledger.opened.v1", "ledger/main", projectionstest.Example(t, "ledger.opened.v1", projectionstest.Data{"zone": "Europe/Atlantis"}))
	nowhere.Records = nil
	nowhere.Append(t, ev)
	for name, rec := range map[string]chain.Record{"another entry": l.Records[1], "no such zone": nowhere.Records[0], "no payload": {}} {
		if _, err := projections.FrameOf(rec); !errors.Is(err, projections.ErrFrame) {
			t.Errorf("%s: got %v, want ErrFrame", name, err)
		}
	}
}
