package chain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

// examplePolicy is the policy of C2SP tlog-policy, and the keys in it.
func examplePolicy(t testing.TB) (text string, l *chaintest.Ledger, keys map[string]*chain.Cosigner) {
	l, keys = chaintest.New(t, "main", 5, 300), map[string]*chain.Cosigner{}
	for _, n := range []string{"X1", "X2", "X3", "Y1", "Y2", "Y3"} {
		keys[n] = cosigner(t, "witness.example/"+n)
	}
	k := func(n string) string { return "witness " + n + " " + keys[n].Key().String() }
	return "log " + l.VKey + "\n\n" + k("X1") + "\n" + k("X2") + " https://x2.example/witness\n" + k("X3") + "\ngroup X-witnesses 2 X1 X2 X3\n\n" +
		"  # the others\n\t" + k("Y1") + "\t\n" + k("Y2") + "\n" + k("Y3") + "\ngroup Y-witnesses any Y1 Y2 Y3\n\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n", l, keys
}

func parsePolicy(t testing.TB, text string) *chain.Policy {
	t.Helper()
	p, err := chain.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPolicyJudges(t *testing.T) {
	text, l, keys := examplePolicy(t)
	p := parsePolicy(t, text)
	body, logSigs, _ := chain.SplitNote(l.Checkpoint(t))
	tests := []struct {
		name, by string // witness:time
		met      bool
		at       int64
		missing  int
	}{
		{"nobody", "", false, 0, 6},
		{"one X", "X1:10", false, 0, 5},
		{"two X", "X1:10 X2:20", false, 0, 4},
		{"one X, one Y", "X1:10 Y1:20", false, 0, 4},
		{"quorum: the last that it needs", "X1:10 X2:20 Y1:15", true, 20, 3},
		{"Y was last", "X1:10 X2:20 Y1:30", true, 30, 3},
		{"more than needed: the earliest that suffice", "X1:10 X2:20 X3:12 Y1:50 Y2:11", true, 12, 1},
		{"one liar about time changes nothing", "X1:0 X2:20 X3:21 Y1:5", true, 20, 2},
		{"twice by one: the earliest counts, and once", "X1:30 X1:10 Y1:5", false, 0, 4},
		{"twice, in a quorum", "X1:30 X1:10 X2:12 Y1:5", true, 12, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sigs := append([]chain.Signature{}, logSigs...)
			for _, w := range strings.Fields(tt.by) {
				var at int64
				name, seconds, _ := strings.Cut(w, ":")
				fmt.Sscan(seconds, &at)
				sigs = append(sigs, cosign(t, keys[name], body, at))
			}
			for range 2 {
				q, err := p.Judge(chain.JoinNote(body, sigs))
				if err != nil || !q.Signed || q.Met != tt.met || q.At != tt.at || len(q.Missing) != tt.missing || len(q.Seen) != 6-tt.missing || q.Checkpoint.Size != 5 {
					t.Errorf("got %+v, %v", q, err)
				}
				for i, j := 0, len(sigs)-1; i < j; i, j = i+1, j-1 { // and in another order
					sigs[i], sigs[j] = sigs[j], sigs[i]
				}
			}
		})
	}
}

func TestPolicyRejectsNotes(t *testing.T) {
	text, l, keys := examplePolicy(t)
	p := parsePolicy(t, text)
	body, logSigs, _ := chain.SplitNote(l.Checkpoint(t))
	other := chain.FormatCheckpoint(l.Origin, 6, chain.Hash{})
	w := cosign(t, keys["X1"], body, 10)
	stolen := w
	stolen.Name, stolen.KeyHash = keys["X2"].Key().Name(), keys["X2"].Key().KeyHash()
	for name, c := range map[string]struct {
		signed []byte
		want   error
	}{
		"nothing":                        {nil, chain.ErrMalformed},
		"no checkpoint":                  {chain.JoinNote("hello\n", logSigs), chain.ErrMalformed},
		"a witness' line of another":     {chain.JoinNote(other, []chain.Signature{w}), chain.ErrSignature},
		"a log's line of another":        {chain.JoinNote(other, logSigs), chain.ErrSignature},
		"one witness' line as another's": {chain.JoinNote(body, append(logSigs[:1:1], stolen)), chain.ErrSignature},
		"one good and one bad":           {chain.JoinNote(body, append(logSigs[:1:1], w, stolen)), chain.ErrSignature},
	} {
		if q, err := p.Judge(c.signed); !errors.Is(err, c.want) || q.Met {
			t.Errorf("%s: %+v, %v", name, q, err)
		}
	}
	// strangers' lines are passed over, whatever they hold
	stranger := cosign(t, cosigner(t, "stranger"), body, 10)
	if q, err := p.Judge(chain.JoinNote(body, []chain.Signature{stranger, {Name: "x", KeyHash: 1, Value: []byte{1}}})); err != nil || q.Signed || len(q.Seen) != 0 {
		t.Errorf("strangers: %+v, %v", q, err)
	}
}

func TestPolicyWithoutLogsOrWitnesses(t *testing.T) {
	l, w := chaintest.New(t, "main", 5, 300), cosigner(t, "w")
	q, err := parsePolicy(t, "quorum none\n").Judge(l.Checkpoint(t))
	if err != nil || !q.Met || !q.Signed || q.At != 0 {
		t.Errorf("quorum none: %+v, %v", q, err)
	}
	p := parsePolicy(t, "witness w "+w.Key().String()+"\nquorum w\n")
	body, sigs, _ := chain.SplitNote(l.Checkpoint(t))
	if q, err = p.Judge(chain.JoinNote(body, append(sigs, cosign(t, w, body, 7)))); err != nil || !q.Met || q.At != 7 || !q.Signed {
		t.Errorf("one witness: %+v, %v", q, err)
	}
	if len(p.Log(l.Origin)) != 0 || len(parsePolicy(t, "log "+l.VKey+"\nquorum none\n").Log(l.Origin)) != 1 {
		t.Error("the keys of the log are not those of the policy")
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	l := chaintest.New(t, "main", 1, 300)
	a, b := "witness a "+cosigner(t, "a").Key().String()+"\n", "witness b "+cosigner(t, "b").Key().String()+"\n"
	renamed, _, _ := chain.GenerateCosigner(strings.NewReader(strings.Repeat("a", 32)), func([]byte) string { return "another-name" })
	many := func(n int, line func(int) string) (s string) {
		for i := range n {
			s += line(i)
		}
		return s + "quorum none\n"
	}
	for name, text := range map[string]string{
		"empty": "", "no quorum": a, "two quorums": a + "quorum a\nquorum a\n", "quorum undefined": a + "quorum b\n", "quorum before": "quorum a\n" + a,
		"quorum of two": a + b + "quorum a b\n", "quorum of nothing": "quorum\n", "no last newline": a + "quorum a", "carriage return": a + "quorum a\r\n",
		"null": a + "quorum a\x00\n", "delete": a + "quorum a\x7f\n", "keyword": a + "wittness b\nquorum a\n", "upper case": a + "QUORUM a\n",
		"comment after words": a + "quorum a # mine\n", "witness without key": "witness a\nquorum none\n", "witness with four words": strings.TrimSpace(a) + " http://x y\nquorum a\n",
		"witness named none": strings.Replace(a, " a ", " none ", 1) + "quorum none\n", "two of a name": a + strings.Replace(b, " b ", " a ", 1) + "quorum a\n",
		"one key, two names": a + strings.Replace(a, " a ", " b ", 1) + "quorum a\n", "one key, other key name": a + "witness b " + renamed.Key().String() + "\nquorum a\n",
		"a ledger's key for a witness": "witness a " + l.VKey + "\nquorum a\n", "a witness' key for a log": strings.Replace(a, "witness a", "log", 1) + "quorum none\n",
		"log twice": "log " + l.VKey + "\nlog " + l.VKey + " http://x\nquorum none\n", "log without key": "log\nquorum none\n", "log with three words": "log " + l.VKey + " a b\nquorum none\n",
		"log with another id": "log " + strings.Replace(l.VKey, "+", "+00", 1) + "\nquorum none\n",
		"group of nobody":     "group g any\nquorum g\n", "group undefined": a + "group g any a c\nquorum g\n", "group of itself": a + "group g any g\nquorum g\n",
		"group 0": a + "group g 0 a\nquorum g\n", "group 2 of 1": a + "group g 2 a\nquorum g\n", "group -1": a + "group g -1 a\nquorum g\n", "group 01": a + "group g 01 a\nquorum g\n", "group +1": a + "group g +1 a\nquorum g\n",
		"group named as a witness": a + b + "group a any b\nquorum a\n", "group named none": a + "group none any a\nquorum none\n", "member twice": a + "group g any a a\nquorum g\n",
		"member of two groups": a + b + "group g any a\ngroup h any a b\nquorum h\n", "member none": a + "group g any none\nquorum g\n",
		"too long":      "#" + strings.Repeat("x", 64<<10) + "\nquorum none\n",
		"101 witnesses": many(101, func(i int) string { return fmt.Sprintf("witness %d %s\n", i, cosigner(t, fmt.Sprint("w", i)).Key()) }),
	} {
		if p, err := chain.ParsePolicy([]byte(text)); !errors.Is(err, chain.ErrMalformed) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

func TestParsePolicyAccepts(t *testing.T) {
	text, l, _ := examplePolicy(t)
	for name, text := range map[string]string{
		"the example": text, "none": "quorum none\n", "only comments around": "# a\n \t# b\n\n\t\nquorum\t none \n# c\n",
		"names are octets": "witness \xff\xe2\x84\xaa " + cosigner(t, "a").Key().String() + "\nquorum \xff\xe2\x84\xaa\n",
		"keywords as names": "witness quorum " + cosigner(t, "a").Key().String() + "\nwitness any " + cosigner(t, "b").Key().String() +
			"\ngroup all any any quorum\nquorum all\n",
		"the quorum is a member elsewhere": "witness a " + cosigner(t, "a").Key().String() + "\ngroup g all a\nquorum a\n",
		"a log and URL":                    "log " + l.VKey + " https://log.example/é\nquorum none\n",
	} {
		p, err := chain.ParsePolicy([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again := parsePolicy(t, p.String()); again.String() != p.String() {
			t.Errorf("%s: printed and read again it is\n%s", name, again)
		}
	}
	if p := parsePolicy(t, text); len(p.Witnesses()) != 6 || p.Witnesses()[1].URL != "https://x2.example/witness" || p.Logs() != 1 {
		t.Errorf("the example is %s", p)
	}
}

func FuzzPolicy(f *testing.F) {
	text, l, _ := examplePolicy(f)
	f.Add([]byte(text))
	f.Add([]byte("log " + l.VKey + " x\nquorum none\n"))
	signed := l.Checkpoint(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := chain.ParsePolicy(b)
		if err != nil {
			return
		}
		again, err := chain.ParsePolicy([]byte(p.String()))
		if err != nil || again.String() != p.String() {
			t.Fatalf("%q is printed as %q and that is read as %v, %v", b, p, again, err)
		}
		if _, err := p.Judge(signed); err != nil {
			t.Fatal(err)
		}
	})
}
