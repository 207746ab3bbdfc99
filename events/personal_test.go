package events_test

import (
	"strings"
	"testing"

	"greffe/events"
)

func TestPersonalData(t *testing.T) {
	tests := []struct{ text, want string }{
		{"ask jean.dupont@example.org", "an e-mail address"},
		{"call 06 12 34 56 78.", "a telephone number"},
		{"call 0612345678", "a telephone number"},
		{"call 06.12.34.56.78 today", "a telephone number"},
		{"call +33 6 12 34 56 78", "a telephone number"},
		{"+442071838750", "a telephone number"},
		{"paid from FR14 2004 1010 0505 0001 3M02 606", "an IBAN"},
		{"DE89370400440532013000", "an IBAN"},
		{"employee 2 55 08 14 168 025 38", "a national number"},
		{"seen from 192.168.1.77", "an IP address"},
		{"seen from 2001:db8::17, twice", "an IP address"},

		{"", ""},
		{"payroll management", ""},
		{"47 rue de Bitche, 92400 Courbevoie, France", ""},
		{"between 2026-10-25T02:30:00+01:00 and 2026-10-26 10:00:00", ""},
		{"deliberations 2020-091 and 2020-092 of 17 September 2020", ""},
		{"invoice 01/02/2024-0000012345", ""},
		{"version 2.15.2, 200,000 calls a month, 10:00:00", ""},
		{"Cells are run together ('FR-00110/5/201818/1/2024').", ""},
		{"FR14 2004 1010 0505 0001 3M02 607", ""}, // wrong key
		{"2 55 08 14 168 025 39", ""},             // wrong key
		{"std::vector, @mention, a :: b", ""},
	}
	for _, tt := range tests {
		if got := events.PersonalData(tt.text); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestCheckGuardsFreeTexts wants personal data stopped before it is taken, and what
// was once taken to stay readable.
func TestCheckGuardsFreeTexts(t *testing.T) {
	tests := []struct{ wire, subject, data, reason, pointer string }{
		{"measure.retired.v1", "measure/TOM-01", `{}`, "asked by jean@example.org", "/reason"},
		{"tracker.removed.v1", "tracker/TRK-a", `{"cause":"asked by jean@example.org","removed_on":"2026-01-01"}`, "", "/data/cause"},
		{"measure.amended.v1", "measure/TOM-01", `{"changes":[{"path":"text","to":"call 06 12 34 56 78"}]}`, "", "/data/changes/0/to"},
		{"measure.amended.v1", "measure/TOM-01", `{"changes":[{"path":"scope","to":[{"text":"call 06 12 34 56 78"}]}]}`, "", "/data/changes/0/to"},
		{"dpo.contact_published.v1", "dpo/DPO-1", `{"channels":[{"kind":"email","value":"dpo@example.org"}],"dpo_id":"DPO-1"}`, "", ""},
	}
	for _, tt := range tests {
		typ := lookup(t, tt.wire)
		ev := events.Event{Type: tt.wire, Aggregate: tt.subject, Reason: tt.reason, Data: []byte(tt.data)}
		_, problems := typ.Check(&ev)
		var got events.Problem
		if len(problems) > 0 {
			got = problems[0]
		}
		if got.Pointer != tt.pointer || (tt.pointer != "") != (got.Code == events.CodePersonal) {
			t.Errorf("%s: got %+v, want %s at %q", tt.data, problems, events.CodePersonal, tt.pointer)
		}
		if strings.Contains(got.Detail, "jean") || strings.Contains(got.Detail, "06") {
			t.Errorf("the problem repeats a value: %s", got.Detail)
		}
		if _, problems := typ.Decode([]byte(tt.data)); problems != nil {
			t.Errorf("%s cannot be read any more: %+v", tt.data, problems)
		}
	}
}

// BenchmarkCheck is [events.Type.Check] of an event of 1 KiB, as the gateway does it.
func BenchmarkCheck(b *testing.B) {
	typ := lookup(b, "processing_activity.recorded.v1")
	ev := events.Event{Type: typ.Wire(), Aggregate: "processing_activity/FR-012", Data: []byte(strings.Replace(typ.Example, "social security bodies", strings.Repeat("social security bodies ", 12)+"x", 1))}
	b.SetBytes(int64(len(ev.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := typ.Check(&ev); problems != nil {
			b.Fatal(problems)
		}
	}
}

// A name may not come into a row through the path of a correction, however deep.
func TestNoPersonThroughAPath(t *testing.T) {
	for _, path := range []string{"verified_by", "verification.verified_by", "a.b.owner", "owner"} {
		corrected, _ := events.Lookup("measure.corrected.v1")
		data := `{"corrects":"01JD0000000000000000000003","path":"` + path + `","right_value":"Jane Doe","wrong_value_class":"P1"}`
		ev := events.Event{Type: corrected.Wire(), Aggregate: "measure/TOM-01", Data: []byte(data)}
		_, problems := corrected.Check(&ev)
		if len(problems) == 0 || problems[0].Code != events.CodePersonal {
			t.Errorf("%s: %+v, want a clear person", path, problems)
		}
		amended, _ := events.Lookup("measure.amended.v1")
		ev = events.Event{Type: amended.Wire(), Aggregate: "measure/TOM-01", Data: []byte(`{"changes":[{"path":"` + path + `","to":"Jane Doe"}],"effective_on":"2026-01-01"}`)}
		if _, problems := amended.Check(&ev); len(problems) == 0 || problems[0].Code != events.CodePersonal {
			t.Errorf("amended %s: %+v, want a clear person", path, problems)
		}
	}
}
