package query_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"greffe/events"
	"greffe/events/stream"
	"greffe/events/stream/streamtest"
	"greffe/ledger/chain"
	"greffe/projections"
	"greffe/projections/projectionstest"
	"greffe/projections/query"
	"greffe/projections/store"
)

// A world is a daemon's half and a DPO's connection.
type world struct {
	*query.Client
	nc     *nats.Conn
	ledger *projectionstest.Ledger
}

func serve(t *testing.T, l *projectionstest.Ledger) world {
	t.Helper()
	srv := streamtest.Start(t, "main")
	st, err := store.Open("registers", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	service, err := query.Serve(srv.Daemon(t), "main", sources(l, st))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.Close() })
	nc := srv.Connect(t, stream.RoleDPO, string(stream.RoleDPO))
	return world{query.NewClient(nc, "main", 10*time.Second), nc, l}
}

func sources(l *projectionstest.Ledger, st *store.Store) query.Sources {
	return query.Sources{
		Ledger: l,
		Find: func(publisher string, id events.ID) (uint64, bool, error) {
			i := slices.IndexFunc(l.Records, func(r chain.Record) bool { return r.Entry.Publisher == publisher && r.Entry.EventID == id.Bytes() })
			return uint64(max(i, 0)), i >= 0, nil
		},
		FindAll: func(id events.ID) (found []query.Origination, err error) {
			for _, r := range l.Records {
				if r.Entry.EventID == id.Bytes() && r.Entry.Disposition == chain.Recorded {
					found = append(found, query.Origination{Publisher: r.Entry.Publisher, Seq: r.Entry.Seq})
				}
			}
			return found, nil
		},
		View: func(ctx context.Context) (projections.View, error) {
			if err := st.Catchup(ctx, l); err != nil {
				return nil, err
			}
			return st.View()
		},
		Shown: func(context.Context) query.CheckpointPoint { return query.CheckpointPoint{Size: l.Size(), Root: "ab"} },
		Status: func() query.Status {
			return query.Status{Ledger: "main", Size: l.Size(), Checkpoint: query.CheckpointPoint{Size: l.Size(), Root: "ab"}}
		},
		Checkpoint: func(context.Context) ([]byte, uint64, error) { return []byte("a note\n"), l.Size(), nil },
		Evidence:   func(uint64) ([]query.Statement, error) { return nil, nil },
		KeyEvents:  func(uint64) ([]uint64, error) { return nil, nil },
	}
}

// activities returns a ledger with activities FR-001 and FR-002; the second is retired
// on 1 December 2026, which was entered on 23 November.
func activities(t *testing.T) *projectionstest.Ledger {
	t.Helper()
	l := projectionstest.New(t)
	for _, id := range []string{"FR-001", "FR-002"} {
		l.Publish(t, "processing_activity.recorded.v1", "processing_activity/"+id, nil)
	}
	retired := l.Event("processing_activity.retired.v1", "processing_activity/FR-002", `{"retired_on":"2026-12-01"}`)
	retired.OccurredAt = "2026-12-01T10:00:00+01:00"
	l.Append(t, retired)
	l.Publish(t, "processing_activity.recorded.v1", "processing_activity/FR-001", nil) // again: an anomaly
	return l
}

func statuses(t *testing.T, rows []jsontext.Value) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, text := range rows {
		var row struct{ ID, Status string }
		if err := json.Unmarshal(text, &row, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		got[row.ID] = row.Status
	}
	return got
}

func TestStatus(t *testing.T) {
	w := serve(t, activities(t))
	got, err := w.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := query.Status{
		Ledger: "main", Size: 5, Checkpoint: query.CheckpointPoint{Size: 5, Root: "ab"}, Projected: 5, Anomalies: 1,
		RuleSet: projections.RuleSet, Calendar: "FR", Zone: "Europe/Paris",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestRegisters(t *testing.T) {
	w := serve(t, activities(t))
	got, err := w.Registers(t.Context(), query.When{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Registers) != len(projections.Registers()) {
		t.Fatalf("%d registers, want %d", len(got.Registers), len(projections.Registers()))
	}
	i := slices.IndexFunc(got.Registers, func(s query.Summary) bool { return s.Register == "processing-activities" })
	line := got.Registers[i]
	if line.Rows != 2 || line.Anomalies != 1 || line.Statuses["retired"] != 1 || line.Label.Fr == "" || len(line.Digest) != 64 {
		t.Errorf("got %+v", line)
	}
}

func TestTimeTravel(t *testing.T) {
	w := serve(t, activities(t))
	tests := []struct {
		name      string
		when      query.When
		want      map[string]string
		seq       uint64
		anomalies int
	}{
		{"now", query.When{}, map[string]string{"FR-001": "active", "FR-002": "retired"}, 4, 1},
		{"before it happened", query.When{AsOf: "2026-11-30"}, map[string]string{"FR-001": "active", "FR-002": "active"}, 4, 1},
		{"the day it happened, which ends at midnight in Paris", query.When{AsOf: "2026-12-01"}, map[string]string{"FR-001": "active", "FR-002": "retired"}, 4, 1},
		{"a second before", query.When{AsOf: "2026-12-01T08:59:59Z"}, map[string]string{"FR-001": "active", "FR-002": "active"}, 4, 1},
		{"known by seq", query.When{KnownAt: "1"}, map[string]string{"FR-001": "active"}, 1, 0},
		{"known by instant", query.When{KnownAt: "2026-11-23T12:00:02Z"}, map[string]string{"FR-001": "active", "FR-002": "active"}, 2, 0},
		{"known by day", query.When{KnownAt: "2026-11-23"}, map[string]string{"FR-001": "active", "FR-002": "retired"}, 4, 1},
		{"both", query.When{KnownAt: "3", AsOf: "2027-01-01"}, map[string]string{"FR-001": "active", "FR-002": "retired"}, 3, 0},
	}
	digests := map[string]string{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := w.List(t.Context(), "processing-activities", tt.when)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, statuses(t, got.Rows)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if got.KnownAt.Seq != tt.seq || got.Anomalies != tt.anomalies || got.RuleSet != projections.RuleSet || got.Calendar != "FR" {
				t.Errorf("proof %+v, %d anomalies", got.Proof, got.Anomalies)
			}
			digest, err := projections.RegisterDigest("processing-activities", func(yield func([]byte, error) bool) {
				for _, row := range got.Rows {
					if !yield(row, nil) {
						return
					}
				}
			})
			if err != nil || digest != got.Digest {
				t.Errorf("digest %s, of the rows %s, %v", got.Digest, digest, err)
			}
			shown, err := w.Show(t.Context(), "processing-activities", "FR-001", tt.when)
			if err != nil || !bytes.Equal(shown.Row, got.Rows[0]) || len(shown.Anomalies) != tt.anomalies {
				t.Errorf("show: %v\n%s\n%s\n%v", err, shown.Row, got.Rows[0], shown.Anomalies)
			}
			digests[tt.name] = got.Digest
		})
	}
	if digests["now"] != digests["known by day"] || digests["now"] == digests["known by seq"] {
		t.Errorf("digests of equal and unequal rows: %v", digests)
	}
}

func TestHistory(t *testing.T) {
	w := serve(t, activities(t))
	got, err := w.History(t.Context(), "processing-activities", "FR-001", query.When{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Entries) != 2 || got.Entries[0].Seq != 1 || got.Entries[1].Seq != 4 || got.Aggregate != "processing_activity/FR-001" {
		t.Fatalf("got %+v", got)
	}
	if !bytes.Equal(got.Entries[0].Event, w.ledger.Records[1].Payload) {
		t.Errorf("the event is not the one that was entered: %s", got.Entries[0].Event)
	}
	if len(got.Entries[0].Anomalies) != 0 || len(got.Entries[1].Anomalies) != 1 || got.Entries[1].Anomalies[0].Code != projections.Dup {
		t.Errorf("anomalies %v, %v", got.Entries[0].Anomalies, got.Entries[1].Anomalies)
	}
	past, err := w.History(t.Context(), "processing-activities", "FR-001", query.When{KnownAt: "3"})
	if err != nil || len(past.Entries) != 1 {
		t.Errorf("as known at 3: %d entries, %v", len(past.Entries), err)
	}
}

// A measure that only its assessment named has that assessment as its history.
func TestHistoryOfAListedMeasure(t *testing.T) {
	l := projectionstest.New(t)
	l.Publish(t, "security_assessment.opened.v1", "security_assessment/SA-2026", projectionstest.Data{"measures": []any{
		map[string]any{"measure_id": "SEC-01.1", "topic_no": 1, "topic": "T", "text": "t"},
	}})
	w := serve(t, l)
	got, err := w.History(t.Context(), "security-measures", "SEC-01.1", query.When{})
	if err != nil || len(got.Entries) != 1 || got.Entries[0].Seq != 1 {
		t.Errorf("got %+v, %v", got.Entries, err)
	}
}

func TestEvent(t *testing.T) {
	w := serve(t, activities(t))
	bySeq, err := w.Entry(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	byID, err := w.Event(t.Context(), projectionstest.Publisher, bySeq.EventID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bySeq, byID); diff != "" {
		t.Errorf("-by seq +by id\n%s", diff)
	}
	if byID.Disposition != "recorded" || byID.Publisher != projectionstest.Publisher || len(byID.Anomalies) != 1 || len(byID.LeafHash) != 64 {
		t.Errorf("got %+v", byID)
	}
}

func TestQuestionsThatHaveNoAnswer(t *testing.T) {
	w := serve(t, activities(t))
	ctx := t.Context()
	tests := []struct {
		name string
		ask  func() error
		code string
		want string
	}{
		{"unknown register", func() error { _, err := w.List(ctx, "colours", query.When{}); return err }, "404", "the registers are organisation, dpo, processing-activities"},
		{"no register", func() error { _, err := w.List(ctx, "", query.When{}); return err }, "400", "the registers are"},
		{"unknown row", func() error { _, err := w.Show(ctx, "measures", "TOM-99", query.When{}); return err }, "404", "greffe register list measures"},
		{"row that was not there yet", func() error {
			_, err := w.Show(ctx, "processing-activities", "FR-002", query.When{KnownAt: "1"})
			return err
		}, "404", "at the time asked for"},
		{"bad as-of", func() error { _, err := w.List(ctx, "dpo", query.When{AsOf: "yesterday"}); return err }, "400", "2026-01-31T10:00:00+01:00"},
		{"bad known-at", func() error { _, err := w.List(ctx, "dpo", query.When{KnownAt: "-1"}); return err }, "400", "neither a seq"},
		{"known-at beyond the head", func() error { _, err := w.List(ctx, "dpo", query.When{KnownAt: "5"}); return err }, "404", "the newest is 4"},
		{"known-at before the ledger", func() error { _, err := w.List(ctx, "dpo", query.When{KnownAt: "2001-01-01"}); return err }, "404", "before the first entry"},
		{"unknown event", func() error {
			_, err := w.Event(ctx, "nobody", events.IDFromBytes([16]byte{7}))
			return err
		}, "404", "no event with this id"},
		{"no event", func() error { _, err := w.Event(ctx, "x", "y"); return err }, "400", "by its seq, or by its publisher and its id"},
		{"seq beyond the head", func() error { _, err := w.Entry(ctx, 5); return err }, "404", "it holds 5 entries"},
		{"entries beyond the head", func() error {
			return w.Entries(ctx, 0, 6, func(chain.Record) error { return nil })
		}, "400", "at most 5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.ask()
			var e *query.Error
			if !errors.As(err, &e) || e.Code != tt.code || !strings.Contains(e.Text, tt.want) || strings.Contains(e.Text, "\n") {
				t.Errorf("got %v, want code %s and %q", err, tt.code, tt.want)
			}
		})
	}
}

func TestMalformedQuestions(t *testing.T) {
	w := serve(t, activities(t))
	for _, body := range []string{"{", "[]", `{"colour":1}`, `{"register":7}`, "\xff"} {
		msg, err := w.nc.Request(events.QueryTopic("main", "register.list"), []byte(body), 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if code := msg.Header.Get("Nats-Service-Error-Code"); code != "400" {
			t.Errorf("%q: code %q, want 400", body, code)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	srv := streamtest.Start(t, "main")
	nc := srv.Connect(t, stream.RoleDPO, string(stream.RoleDPO))
	_, err := query.NewClient(nc, "main", time.Second).Status(t.Context())
	if !errors.Is(err, query.ErrNobody) || !strings.Contains(err.Error(), "greffed serve") {
		t.Errorf("got %v", err)
	}
}

func TestEmptyLedger(t *testing.T) {
	w := serve(t, &projectionstest.Ledger{})
	if st, err := w.Status(t.Context()); err != nil || st.Size != 0 {
		t.Errorf("status %+v, %v", st, err)
	}
	var e *query.Error
	if _, err := w.List(t.Context(), "dpo", query.When{}); !errors.As(err, &e) || !e.NotFound() {
		t.Errorf("list: %v", err)
	}
}
