package verify_test

import (
	"slices"
	"testing"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

// TestWitnessesOfTheQuorum: whoever cosigned after the quorum was met had not seen the
// ledger by the time that is reported.
func TestWitnessesOfTheQuorum(t *testing.T) {
	f := chaintest.Forge(t)
	f.Do("earlier 5 w1 w3")
	f.Do("policy")
	later := chaintest.Witness(t, "w2")
	for i := range f.Sections {
		if f.Sections[i].Kind == chain.SectionCosigned {
			text, sigs, err := chain.SplitNote(f.Sections[i].Data)
			if err != nil {
				t.Fatal(err)
			}
			s, err := later.Cosign(text, 1800000000)
			if err != nil {
				t.Fatal(err)
			}
			f.Sections[i].Data = chain.JoinNote(text, append(sigs, s))
		}
	}
	r, err := judge(t, f)
	if err != nil || r.Witnessed == nil {
		t.Fatalf("%v, %+v", err, r)
	}
	if want := []string{"w1", "w3"}; !slices.Equal(r.Witnessed.By, want) || r.Witnessed.At.Unix() >= 1800000000 {
		t.Errorf("seen by %v at %v, want %v", r.Witnessed.By, r.Witnessed.At, want)
	}
}
