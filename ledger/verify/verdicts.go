package verify

import (
	"fmt"
	"strings"
	"time"

	"greffe/ledger/chain"
)

// verdicts turns faults into the five results. A section that cannot be checked is a
// claim that cannot be shown, never one that is passed over.
func (v *verifier) verdicts(sections []chain.Section) {
	r := &v.report
	if r.Claim = v.single; v.excerpt != nil && v.excerpt.claimed {
		r.Claim = v.excerpt.scope.String()
	}
	switch {
	case v.failed(signature):
		r.Signature = Result{Failed, "no checkpoint signed by the key brought"}
	case r.Signature.Why == "":
		r.Signature = Result{Unconfirmed, "reading stopped before the checkpoint"}
	case count(sections, chain.SectionKeyHistory) > 0:
		r.Signature = Result{Unconfirmed, "the bundle carries a key history, which this version does not check"}
	}
	if r.Signature.Verdict == Sound && v.excerpt != nil && v.single == "" {
		r.Signature.Why += ", as far as the events about keys in it show"
	}
	r.Content = v.content()
	r.Time = v.time(sections)
	r.Scope = v.scope()
	r.Erasure = v.erasure(sections)
}

// entries counts them in words.
func entries(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

func (v *verifier) failed(aspect int) bool { return v.faults.aspects&aspect != 0 }

func (v *verifier) content() Result {
	r := &v.report
	switch {
	case !v.failed(content) && v.excerpt != nil && r.Signature.Verdict != Sound:
		return Result{Sound, fmt.Sprintf("%s, each proved under the root of a checkpoint that nobody known has signed", entries(r.Size))}
	case !v.failed(content) && v.excerpt != nil:
		return Result{Sound, fmt.Sprintf("%s, each proved to be one of the ledger's %d", entries(r.Size), r.Checkpoint.Size)}
	case !v.failed(content) && v.excused():
		return Result{Sound, fmt.Sprintf("%s, every link and the root; of payloads those that were asked for", entries(r.Size))}
	case !v.failed(content):
		return Result{Sound, fmt.Sprintf("%s, every link, digest and the root", entries(r.Size))}
	case r.FaultCount == 1:
		return Result{Failed, "1 fault: " + r.Faults[0].What}
	}
	return Result{Failed, fmt.Sprintf("%d faults, the first: %s", r.FaultCount, r.Faults[0].What)}
}

// excused reports whether some payloads of a whole ledger were not hashed.
func (v *verifier) excused() bool {
	return v.excerpt == nil && (v.since.Size > 0 || checkable(&v.o.Demand))
}

// time says by when the ledger existed, as others saw it.
func (v *verifier) time(sections []chain.Section) Result {
	r := &v.report
	stamps, cosigned := count(sections, chain.SectionTimestamp), count(sections, chain.SectionCosigned)
	var lacking, shown []string
	switch {
	case v.failed(timing):
		return Result{Failed, "a timestamp or a cosigned checkpoint does not hold"}
	case v.stopped:
		return Result{Unconfirmed, "reading stopped before it came to that"}
	case v.o.Policy != nil && !v.met:
		lacking = append(lacking, "no checkpoint in it satisfies the policy")
	case v.o.Policy == nil && cosigned > 0:
		lacking = append(lacking, "its cosignatures were not looked at, bring a policy with the witnesses' keys")
	}
	switch {
	case v.o.Timestamps == nil && stamps > 0:
		lacking = append(lacking, "its timestamps were not looked at, bring the authorities' certificates")
	case r.Untrusted > 0:
		lacking = append(lacking, fmt.Sprintf("%d timestamps are of no authority that was brought", r.Untrusted))
	}
	if r.Checkpoint.Text == "" && stamps+cosigned > 0 {
		lacking = append(lacking, "nothing in it ties what others say of it to a checkpoint")
	}
	if r.Unrelated > 0 {
		lacking = append(lacking, fmt.Sprintf("nothing in it ties %d earlier checkpoints to the one that covers it", r.Unrelated))
	}
	if w := r.Witnessed; w != nil {
		shown = append(shown, fmt.Sprintf("%s seen by %s, at the latest at %s", entries(w.Size), strings.Join(w.By, ", "), w.At.Format(time.RFC3339)))
	}
	if s := first(r.Stamped); s != nil {
		shown = append(shown, fmt.Sprintf("%s stamped by %s at %s", entries(s.Size), s.By[0], s.At.UTC().Format(time.RFC3339)))
	}
	switch {
	case len(lacking) > 0:
		return Result{Unconfirmed, strings.Join(append(lacking, shown...), "; ")}
	case len(shown) == 0:
		return Result{NotClaimed, "no timestamp and no cosignature in it"}
	case v.failed(content) || r.Signature.Verdict != Sound:
		return Result{Unconfirmed, "content and signature must be sound first"}
	}
	return Result{Sound, strings.Join(shown, "; ")}
}

// first returns the stamp that covers the most, and of these the earliest.
func first(stamps []Seen) (best *Seen) {
	for i := range stamps {
		if s := &stamps[i]; best == nil || s.Size > best.Size || s.Size == best.Size && s.At.Before(best.At) {
			best = s
		}
	}
	return best
}

// scope says whether anything is missing in what the bundle claims to cover, and in what
// the auditor asked for.
func (v *verifier) scope() Result {
	r := &v.report
	switch {
	case v.failed(scope) && v.excerpt != nil:
		return Result{Failed, "the excerpt is not what it claims to be"}
	case v.failed(scope):
		return Result{Failed, "the bundle is not a whole ledger"}
	case r.Signature.Verdict != Sound:
		return Result{Unconfirmed, "the size is only as good as the signature"}
	case v.goes == unknown && v.o.Since != nil:
		return Result{Unconfirmed, fmt.Sprintf("nothing in it shows that it goes on from the %d entries of the checkpoint that was brought", v.since.Size)}
	}
	if why := v.undelivered(); why != "" {
		return Result{Unconfirmed, why}
	}
	what := fmt.Sprintf("the whole ledger, seq 0 to %d", r.Size-1)
	switch {
	case v.single != "":
		what = v.single + ", and no other"
	case v.excerpt != nil:
		what = r.Claim
		switch {
		case checkable(&v.excerpt.scope):
		case checkable(&v.o.Demand): // and they are all there
			what = v.o.Demand.String() + ", which were asked for; whether the others are all, only the whole ledger can show"
		default:
			return Result{Unconfirmed, what + "; whether they are all, only the whole ledger can show"}
		}
		if v.excerpt.scope.By == chain.ByPeriod && !v.claim.ended {
			what += ", as far as the ledger went then"
		}
	}
	if v.o.Since != nil {
		what += fmt.Sprintf(", going on from the %d entries of the checkpoint that was brought", v.since.Size)
	}
	return Result{Sound, what}
}

// undelivered says what is missing of what the auditor asked for, or "".
func (v *verifier) undelivered() string {
	d := &v.o.Demand
	size := v.report.Checkpoint.Size
	switch {
	case !checkable(d):
		return ""
	case v.excerpt == nil && d.By == chain.ByRange && d.ToSeq > size:
		return fmt.Sprintf("it has no entry %d: %s were asked for", size, d)
	case v.excerpt == nil:
		return ""
	}
	if seq, missing := v.demand.missing(size); missing {
		return fmt.Sprintf("it has no entry %d: %s were asked for", seq, d)
	}
	return ""
}

func (v *verifier) erasure(sections []chain.Section) Result {
	switch r := &v.report; {
	case v.failed(content):
		return Result{Unconfirmed, "the content must be sound first"}
	case r.Absent > 0:
		return Result{Unconfirmed, fmt.Sprintf("%d payloads are absent, and no event in it covers them", r.Absent)}
	case count(sections, chain.SectionRedactions) > 0:
		return Result{Unconfirmed, "the bundle carries a redaction list, which this version does not check"}
	}
	if v.excused() {
		return Result{Sound, "no payload is absent; those that were not asked for were not hashed"}
	}
	return Result{Sound, "no payload is absent"}
}
