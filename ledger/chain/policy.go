package chain

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Limits of a policy. C2SP asks for at least 32 of each.
const (
	maxPolicy      = 64 << 10 // bytes
	maxPolicyLines = 100      // of logs, of witnesses, of groups: a note has as many signatures at most
)

// noQuorum is the predefined name of a quorum without witnesses.
const noQuorum = "none"

// A Policy says which logs are known, which witnesses, and how many of these must have
// cosigned a checkpoint (C2SP tlog-policy, FORMAT §4.4).
type Policy struct {
	logs      []policyLog
	witnesses []Witness
	groups    []group // in the order of the file: members come before
	quorum    string
}

// A policyLog is a line "log".
type policyLog struct {
	vkey, url string
	verifier  note.Verifier
	public    string
}

// A Witness is one that a policy names.
type Witness struct {
	// Name is its name within the policy.
	Name string
	Key  *WitnessKey
	// URL is its submission prefix (C2SP tlog-witness); empty if the policy has none.
	URL string
}

// A group has witnessed what at least k of its members have.
type group struct {
	name    string
	k       int
	members []string
}

// A Quorum is what a policy says of one signed checkpoint.
type Quorum struct {
	Checkpoint Checkpoint
	// Signed reports whether a log of the policy with that origin has signed; also
	// true if the policy lists no log: then somebody else has to know.
	Signed bool
	// Met reports whether enough witnesses have cosigned.
	Met bool
	// At is the time by which a quorum had seen the checkpoint, in seconds since the
	// Unix epoch: with k of n, that of the k-th of them. 0 unless Met by witnesses.
	At int64
	// Seen are the valid cosignatures of known witnesses, Missing the names of
	// witnesses without one; both in the order of the policy.
	Seen    []Seen
	Missing []string
}

// Seen is one valid cosignature.
type Seen struct {
	Witness   Witness
	At        int64 // when the witness says it signed, seconds since the Unix epoch
	Signature Signature
}

// Witnesses returns the policy's witnesses.
func (p *Policy) Witnesses() []Witness { return slices.Clone(p.witnesses) }

// Log returns the keys of the logs with that origin.
func (p *Policy) Log(origin string) (keys []note.Verifier) {
	for _, l := range p.logs {
		if l.verifier.Name() == origin {
			keys = append(keys, l.verifier)
		}
	}
	return keys
}

// Logs returns how many logs the policy lists.
func (p *Policy) Logs() int { return len(p.logs) }

// Judge holds a signed checkpoint against the policy. A checkpoint without quorum is no
// error. The error wraps [ErrMalformed] if it has another form, and [ErrSignature] if
// a line of a known key does not verify: such a note was tampered with.
func (p *Policy) Judge(signed []byte) (Quorum, error) {
	text, sigs, err := SplitNote(signed)
	if err != nil {
		return Quorum{}, fmt.Errorf("judge checkpoint: %w", err)
	}
	q := Quorum{Signed: len(p.logs) == 0}
	if q.Checkpoint, err = ParseCheckpoint(text); err != nil {
		return Quorum{}, fmt.Errorf("judge checkpoint: %w", err)
	}
	for _, key := range p.Log(q.Checkpoint.Origin) {
		for _, s := range sigs {
			if !s.is(key) {
				continue
			}
			if !key.Verify([]byte(text), s.Value) {
				return q, fmt.Errorf("judge checkpoint: the line of log %s: %w", key.Name(), ErrSignature)
			}
			q.Signed = true
		}
	}
	if err := p.findSeen(&q, text, sigs); err != nil {
		return q, err
	}
	q.Met, q.At = p.count(q.Seen)
	return q, nil
}

// findSeen fills in which witnesses have cosigned. Of several cosignatures by one, the
// earliest counts, in whatever order they stand.
func (p *Policy) findSeen(q *Quorum, text string, sigs []Signature) error {
	for _, w := range p.witnesses {
		seen, found := Seen{Witness: w}, false
		for _, s := range sigs {
			if !s.is(w.Key) {
				continue
			}
			at, ok := w.Key.Cosigned(text, s)
			if !ok {
				return fmt.Errorf("judge checkpoint: the line of witness %s: %w", w.Name, ErrSignature)
			}
			if !found || at < seen.At {
				seen.At, seen.Signature, found = at, s, true
			}
		}
		if found {
			q.Seen = append(q.Seen, seen)
		} else {
			q.Missing = append(q.Missing, w.Name)
		}
	}
	return nil
}

// count applies the quorum rule.
func (p *Policy) count(seen []Seen) (met bool, at int64) {
	if p.quorum == noQuorum {
		return true, 0
	}
	times := map[string]int64{} // of everything that has witnessed, by name
	for _, s := range seen {
		times[s.Witness.Name] = s.At
	}
	for _, g := range p.groups {
		var have []int64
		for _, m := range g.members {
			if at, ok := times[m]; ok {
				have = append(have, at)
			}
		}
		if len(have) >= g.k {
			slices.Sort(have)
			times[g.name] = have[g.k-1]
		}
	}
	at, met = times[p.quorum]
	return met, at
}

// String writes the policy again: parsed, it is the same policy.
func (p *Policy) String() string {
	var b strings.Builder
	line := func(words ...string) {
		b.WriteString(strings.TrimRight(strings.Join(words, " "), " ") + "\n")
	}
	for _, l := range p.logs {
		line("log", l.vkey, l.url)
	}
	for _, w := range p.witnesses {
		line("witness", w.Name, w.Key.String(), w.URL)
	}
	for _, g := range p.groups {
		line(append([]string{"group", g.name, strconv.Itoa(g.k)}, g.members...)...)
	}
	line("quorum", p.quorum)
	return b.String()
}

// ParsePolicy reads a policy file. Errors name the line, and wrap [ErrMalformed].
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("policy: more than %d bytes: %w", maxPolicy, ErrMalformed)
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return nil, fmt.Errorf("policy: the last line is not ended by a newline, it may be cut short: %w", ErrMalformed)
	}
	r := policyReader{defined: map[string]bool{}, member: map[string]bool{}}
	for n, line := range strings.Split(string(text), "\n") {
		if err := r.line(line); err != nil {
			return nil, fmt.Errorf("policy: line %d: %w: %w", n+1, err, ErrMalformed)
		}
	}
	if r.policy.quorum == "" {
		return nil, fmt.Errorf("policy: no line \"quorum NAME\" or \"quorum none\": %w", ErrMalformed)
	}
	return &r.policy, nil
}

// A policyReader is a policy being read.
type policyReader struct {
	policy  Policy
	defined map[string]bool // witnesses and groups
	member  map[string]bool // of a group
}

func (r *policyReader) line(line string) error {
	if i := strings.IndexFunc(line, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }); i >= 0 {
		return fmt.Errorf("the control character 0x%02x", line[i])
	}
	words := strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' })
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	read := map[string]func([]string) error{"log": r.log, "witness": r.witness, "group": r.group, "quorum": r.quorum}[words[0]]
	if read == nil {
		return fmt.Errorf("%.40q is none of log, witness, group and quorum", words[0])
	}
	return read(words[1:])
}

func (r *policyReader) log(words []string) error {
	if len(words) < 1 || len(words) > 2 {
		return fmt.Errorf("log VKEY [URL]")
	}
	if len(r.policy.logs) == maxPolicyLines {
		return fmt.Errorf("more than %d logs", maxPolicyLines)
	}
	name, _, kind, key, err := cutKey(words[0])
	if err != nil || kind != typeEd25519 || len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("not the Ed25519 key of a log, which is of type 1")
	}
	l := policyLog{vkey: words[0], url: strings.Join(words[1:], ""), public: string(key)}
	if l.verifier, err = note.NewVerifier(words[0]); err != nil {
		return fmt.Errorf("the key of log %s has another id than its name and key give", name)
	}
	if slices.ContainsFunc(r.policy.logs, func(o policyLog) bool { return o.public == l.public }) {
		return fmt.Errorf("a second log with the key of %s", name)
	}
	r.policy.logs = append(r.policy.logs, l)
	return nil
}

func (r *policyReader) witness(words []string) error {
	if len(words) < 2 || len(words) > 3 {
		return fmt.Errorf("witness NAME VKEY [URL]")
	}
	if len(r.policy.witnesses) == maxPolicyLines {
		return fmt.Errorf("more than %d witnesses", maxPolicyLines)
	}
	key, err := ParseWitnessKey(words[1])
	if err != nil {
		return err
	}
	for _, o := range r.policy.witnesses {
		if o.Key.public == key.public {
			return fmt.Errorf("a second witness with the key of %s", o.Name)
		}
		if o.Key.name == key.name && o.Key.hash == key.hash {
			return fmt.Errorf("a second witness with the name and id of %s: their lines could not be told apart", o.Name)
		}
	}
	if err := r.define(words[0]); err != nil {
		return err
	}
	r.policy.witnesses = append(r.policy.witnesses, Witness{Name: words[0], Key: key, URL: strings.Join(words[2:], "")})
	return nil
}

// define takes a name, which witnesses and groups share.
func (r *policyReader) define(name string) error {
	if name == noQuorum {
		return fmt.Errorf("the name %s is taken: it is the quorum without witnesses", noQuorum)
	}
	if r.defined[name] {
		return fmt.Errorf("a second witness or group %.40q", name)
	}
	r.defined[name] = true
	return nil
}

func (r *policyReader) group(words []string) error {
	if len(words) < 3 {
		return fmt.Errorf("group NAME all|any|NUMBER and one member or more")
	}
	if len(r.policy.groups) == maxPolicyLines {
		return fmt.Errorf("more than %d groups", maxPolicyLines)
	}
	g := group{name: words[0], members: words[2:]}
	switch words[1] {
	case "any":
		g.k = 1
	case "all":
		g.k = len(g.members)
	default:
		k, err := strconv.Atoi(words[1])
		if err != nil || k < 1 || k > len(g.members) || strconv.Itoa(k) != words[1] {
			return fmt.Errorf("a group of %d takes all, any, or a number from 1 to %d", len(g.members), len(g.members))
		}
		g.k = k
	}
	for _, m := range g.members {
		if !r.defined[m] {
			return fmt.Errorf("member %.40q is defined on no line above", m)
		}
		if r.member[m] {
			return fmt.Errorf("%.40q is a member already: a witness counts in one way only", m)
		}
		r.member[m] = true
	}
	if err := r.define(g.name); err != nil {
		return err
	}
	r.policy.groups = append(r.policy.groups, g)
	return nil
}

func (r *policyReader) quorum(words []string) error {
	if len(words) != 1 {
		return fmt.Errorf("quorum NAME, or quorum none")
	}
	if r.policy.quorum != "" {
		return fmt.Errorf("a second quorum")
	}
	if words[0] != noQuorum && !r.defined[words[0]] {
		return fmt.Errorf("quorum %.40q is defined on no line above", words[0])
	}
	r.policy.quorum = words[0]
	return nil
}
