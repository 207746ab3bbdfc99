package events_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"greffe/events"
)

func TestCanonical(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"white space goes", " { \"b\" : 1 ,\n\t\"a\":[ ] } ", `{"a":[],"b":1}`},
		{"names by their bytes", `{"é":1,"z":2,"Z":3,"":4}`, `{"":4,"Z":3,"z":2,"é":1}`},
		{"names by UTF-8, not UTF-16", "{\"\U0001F600\":1,\"\uFB33\":2}", "{\"\uFB33\":2,\"\U0001F600\":1}"},
		{"names by what their escapes stand for", `{"a\"":1,"a!":2,"a\n":3}`, `{"a\n":3,"a!":2,"a\"":1}`},
		{"nested", `{"x":{"d":[{"b":1,"a":2}],"c":true}}`, `{"x":{"c":true,"d":[{"a":2,"b":1}]}}`},
		{"escapes of RFC 8785", `"\u0041\/\u20ac\u000a\u001F\uD83D\uDE00\u007f"`, "\"A/€\\n\\u001f😀\u007f\""},
		{"integers", `[0,-1,9007199254740991,-9007199254740991]`, `[0,-1,9007199254740991,-9007199254740991]`},
		{"no normalisation", "\"e\u0301\"", "\"e\u0301\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := events.AppendCanonical([]byte("kept "), []byte(tt.in))
			if err != nil || string(got) != "kept "+tt.want {
				t.Fatalf("got %q, %v; want %q", got, err, "kept "+tt.want)
			}
			var c events.Canonicalizer
			if !c.IsCanonical([]byte(tt.want)) {
				t.Errorf("the canonical form is not recognised")
			}
			if tt.in != tt.want && c.IsCanonical([]byte(tt.in)) {
				t.Errorf("another form is taken as canonical")
			}
		})
	}
}

func TestCanonicalRefuses(t *testing.T) {
	tests := map[string]string{
		"empty": ``, "blank": ` `, "null": `null`, "null member": `{"a":null}`,
		"twice": `{"a":1,"a":2}`, "twice by escape": `{"a":1,"\u0061":2}`, "twice, not adjacent": `{"b":1,"a":2,"b":3}`,
		"fraction": `1.0`, "exponent": `1e3`, "minus zero": `-0`, "leading zero": `01`, "bare minus": `-`, "plus": `+1`,
		"too large": `9007199254740992`, "too small": `-9007199254740992`, "far too large": `123456789012345678901234567890`,
		"lone high": `"\ud800"`, "lone low": `"\udc00"`, "high high": `"\ud800\ud800"`, "high, letter": `"\ud800a"`,
		"invalid UTF-8": "\"\xff\"", "overlong": "\"\xc0\xaf\"", "surrogate in UTF-8": "\"\xed\xa0\x80\"", "cut UTF-8": "\"\xe2\x82\"",
		"control": "\"\x01\"", "unknown escape": `"\x41"`, "short escape": `"\u12"`, "open string": `"abc`, "escape at end": `"\`,
		"trailing": `{} {}`, "trailing comma": `{"a":1,}`, "array comma": `[1,]`, "no colon": `{"a" 1}`, "no name": `{1:2}`,
		"open object": `{"a":1`, "open array": `[1`, "word": `tru`, "single quotes": `{'a':1}`, "comment": `{/**/}`, "NaN": `NaN`, "BOM": "\uFEFF{}",
		"33 levels": strings.Repeat("[", 33) + strings.Repeat("]", 33),
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := events.AppendCanonical([]byte("kept"), []byte(in))
			if err == nil || string(got) != "kept" {
				t.Fatalf("got %q, %v; want a refusal and dst as it came", got, err)
			}
		})
	}
	if _, err := events.AppendCanonical(nil, []byte(strings.Repeat("[", 32)+strings.Repeat("]", 32))); err != nil {
		t.Errorf("32 levels: %v", err)
	}
}

// What one decoder accepts, another must read as the same value: the library's
// own canonical form differs only where names hold characters beyond the BMP.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{`{"b":1,"a":[true,{"c":"\u00e9\n"}]}`, `[-1,"\ud83d\ude00"]`, `{"a":{"a":{}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		once, err := events.AppendCanonical(nil, in)
		if err != nil {
			return
		}
		twice, err := events.AppendCanonical(nil, once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("canonical form of %q is %q, and of that %q (%v)", in, once, twice, err)
		}
		oracle := jsontext.Value(bytes.Clone(in))
		if err := oracle.Canonicalize(); err != nil {
			t.Fatalf("accepted %q, the library says %v", in, err)
		}
		if !bytes.Equal(oracle, once) && !bytes.ContainsFunc(in, func(r rune) bool { return r >= 0xE000 }) && !bytes.Contains(in, []byte(`\u`)) {
			t.Fatalf("got %q, the library has %q", once, oracle)
		}
	})
}

func BenchmarkCanonical(b *testing.B) {
	in := []byte(`{"specversion":"1.0","id":"01JD0000000000000000000000","source":"bench","type":"measure.verified.v1","subject":"measure/TOM-01","time":"2026-11-23T10:00:00+01:00","recordedat":"2026-11-23T10:00:00+01:00","data":{"method":"audit","result":"effective","evidence":["` + strings.Repeat("x", 700) + `"]}}`)
	canonical, _ := events.AppendCanonical(nil, in)
	for name, src := range map[string][]byte{"unsorted": in, "sorted": canonical} {
		b.Run(name, func(b *testing.B) {
			var c events.Canonicalizer
			var dst []byte
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = c.Append(dst[:0], src)
			}
		})
	}
}
