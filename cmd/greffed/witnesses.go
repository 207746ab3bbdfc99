package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/ledger"
	"greffe/ledger/anchor/witness"
	"greffe/ledger/chain"
	"greffe/projections/query"
)

const (
	askInterval = time.Second     // between rounds, as between publications
	askTime     = 5 * time.Second // for one witness to answer
	askAtStart  = 3 * time.Second // before clients are served
)

// witnesses are asked to cosign what was published. Receipts never wait for them.
type witnesses struct {
	policy  *chain.Policy
	clients []*witness.Client
	ledger  *ledger.Ledger
	head    *headKeeper
	dir     string // of evidence
	log     *slog.Logger
	keys    func() []note.Verifier // of the ledger, the newest first

	asked   chain.Checkpoint          // what the answers are about
	answers map[string]witness.Answer // by the witness' name in the policy

	mu     sync.Mutex
	shown  chain.Quorum // the newest that satisfies the policy
	note   []byte       // of shown
	states map[string]query.WitnessState
	claims map[string]string // by witness: what contradicts this ledger, without proof
}

// readPolicy reads the policy before anything is made.
func (d *daemon) readPolicy(_ context.Context, f serveFlags) error {
	if f.policy == "" {
		return nil
	}
	text, err := os.ReadFile(f.policy)
	if err != nil {
		return fmt.Errorf("read policy %s: %w", f.policy, unwrapPath(err))
	}
	if d.policy, err = chain.ParsePolicy(text); err != nil {
		return fmt.Errorf("read %s: %w", f.policy, err)
	}
	return nil
}

// openWitnesses prepares to ask, once the ledger's identity is known.
func (d *daemon) openWitnesses(_ context.Context, f serveFlags) error {
	p := d.policy
	if p == nil {
		return nil
	}
	w := &witnesses{policy: p, ledger: d.ledger, dir: d.folder.dir, log: d.log, keys: d.logKeys, states: map[string]query.WitnessState{}, claims: map[string]string{}}
	if err := d.checkPolicy(f.policy); err != nil {
		return err
	}
	for _, known := range p.Witnesses() {
		w.states[known.Name] = query.WitnessState{Name: known.Name, Trouble: "the policy has no URL of it"}
		if known.URL == "" {
			continue
		}
		c, err := witness.NewClient(known, witness.ClientOptions{})
		if err != nil {
			return fmt.Errorf("%s: %w", f.policy, err)
		}
		w.clients = append(w.clients, c)
		w.states[known.Name] = query.WitnessState{Name: known.Name, Trouble: "not asked yet"}
	}
	if len(w.clients) == 0 {
		return cli.Hint(fmt.Errorf("%s names no witness that can be asked", f.policy), "end its lines with a URL: witness NAME VKEY URL")
	}
	d.witnesses = w
	return nil
}

// checkPolicy wants the policy, if it lists logs, to list this ledger. After a rotation
// the line of an older key does not keep the daemon from starting.
func (d *daemon) checkPolicy(path string) error {
	if d.policy.Logs() == 0 {
		return nil
	}
	valid := d.ledger.Keys().Valid(d.ledger.Size())
	listed := d.policy.Log(d.id.Origin)
	for i, key := range d.logKeys() {
		if !slices.ContainsFunc(listed, func(v note.Verifier) bool { return v.KeyHash() == key.KeyHash() }) {
			continue
		}
		if i > 0 {
			d.log.Warn("the policy lists an older key of this ledger and not the newest: add its line", "policy", path, "line", "log "+valid)
		}
		return nil
	}
	return cli.Hint(fmt.Errorf("%s lists logs, and not this ledger", path), "add the line: log %s", valid)
}

// logKeys returns the keys that sign this ledger's checkpoints, the newest first.
func (d *daemon) logKeys() (keys []note.Verifier) {
	history := d.ledger.Keys()
	for _, k := range slices.Backward(history.Keys()) {
		keys = append(keys, history.Verifier(k.From))
	}
	return keys
}

// askWitnesses asks once before clients are served: a ledger that a witness contradicts
// takes nothing more. Witnesses that are not there keep nobody waiting for long.
func (d *daemon) askWitnesses(ctx context.Context, _ serveFlags) error {
	if d.witnesses == nil {
		return nil
	}
	d.witnesses.head = d.head
	if err := d.witnesses.load(); err != nil {
		return err
	}
	if _, _, err := d.head.publish(ctx); errors.Is(err, errForked) {
		return err
	} else if err != nil {
		d.log.Warn("the newest checkpoint could not be published, witnesses are asked later", "error", err)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askAtStart)
	defer cancel()
	return d.witnesses.round(ctx)
}

// load takes up what was cosigned before, if it still satisfies the policy.
func (w *witnesses) load() error {
	size, signed, err := w.ledger.Cosigned(math.MaxUint64)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	q, err := w.policy.Judge(signed)
	root, rootErr := w.ledger.RootAt(size)
	if _, keyErr := chain.KeepSignatures(signed, w.keys()...); err != nil || rootErr != nil || keyErr != nil || !q.Met || q.Checkpoint.Size != size || q.Checkpoint.Root != root {
		w.log.Warn("the newest cosigned checkpoint does not satisfy the policy, asking anew", "size", size)
		return nil
	}
	w.shown, w.note = q, signed
	return nil
}

// run asks until ctx ends. It ends with an error only if this ledger contradicts what a
// witness has seen.
func (w *witnesses) run(ctx context.Context) error {
	tick := time.NewTicker(askInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := w.round(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// round asks every witness that has not cosigned the newest published checkpoint yet, all
// of them about the same one.
func (w *witnesses) round(ctx context.Context) error {
	q, err := w.question()
	if err != nil || q.Checkpoint.Size == 0 {
		return err
	}
	if q.Checkpoint.Size != w.asked.Size {
		w.asked, w.answers = q.Checkpoint, map[string]witness.Answer{}
	}
	type result struct {
		name   string
		answer witness.Answer
		err    error
	}
	var asking []*witness.Client
	for _, c := range w.clients {
		if _, done := w.answers[c.Witness().Name]; !done && c.Due() {
			asking = append(asking, c)
		}
	}
	results := make(chan result, len(asking))
	for _, c := range asking {
		go func() {
			ctx, cancel := context.WithTimeout(ctx, askTime)
			defer cancel()
			a, err := c.Ask(ctx, q)
			results <- result{c.Witness().Name, a, err}
		}()
	}
	var forked error
	for range asking {
		r := <-results
		if r.err == nil {
			w.answers[r.name] = r.answer
		}
		if err := w.remember(ctx, r.name, r.answer, r.err); err != nil {
			forked = err
		}
	}
	if forked != nil || len(asking) == 0 || len(w.answers) == 0 {
		return forked
	}
	return w.keep(q)
}

// question is the newest published checkpoint.
func (w *witnesses) question() (witness.Question, error) {
	signed := w.head.newest()
	if signed == nil {
		return witness.Question{}, nil
	}
	cp, err := openOwn(w.ledger, signed)
	if err != nil {
		return witness.Question{}, fmt.Errorf("read the newest checkpoint: %w", err)
	}
	return witness.Question{
		Note: signed, Checkpoint: cp, Keys: w.keys(), RootAt: w.ledger.RootAt,
		Prove: w.ledger.Consistency,
	}, nil
}

// remember keeps what one witness said, for status. The error is of class errForked.
func (w *witnesses) remember(ctx context.Context, name string, a witness.Answer, err error) error {
	if contradiction := (*witness.ContradictionError)(nil); errors.As(err, &contradiction) {
		var fatal error
		if fatal, err = w.contradicted(ctx, contradiction); fatal != nil {
			return fatal
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.claims, name)
	if claim := (*witness.ContradictionError)(nil); errors.As(err, &claim) {
		w.claims[name] = claim.Error()
	}
	s := w.states[name]
	before := s.Trouble
	switch {
	case err != nil:
		s.Trouble = err.Error()
	case a.Signature.Name != "":
		s = query.WitnessState{Name: name, Size: w.asked.Size, At: instantOf(a.At)}
	}
	w.states[name] = s
	if err != nil && before != s.Trouble && ctx.Err() == nil {
		w.log.Warn("a witness did not cosign", "witness", name, "size", w.asked.Size, "error", err)
	}
	return nil
}

func instantOf(seconds int64) events.Instant { return events.InstantOf(time.Unix(seconds, 0).UTC()) }

// contradicted decides about what a witness says it has seen. fatal is of class errForked:
// the ledger's own key has signed what this ledger is not. A claim without such a signature
// is trouble and no more, else any witness could stop any ledger.
func (w *witnesses) contradicted(ctx context.Context, e *witness.ContradictionError) (fatal, trouble error) {
	if e.Theirs == nil {
		w.log.Error("a witness contradicts this ledger and shows no proof of it: ask its keeper what it has seen", "witness", e.Witness, "size", e.Size, "error", e)
		return nil, e
	}
	theirs, root, err := w.compare(ctx, e)
	if err != nil {
		return nil, err
	}
	if theirs.Size == 0 {
		return nil, nil // another daemon of this ledger is ahead, and was faster
	}
	path, _, err := witness.KeepEvidence(w.dir, e.Evidence(), time.Now())
	if err != nil {
		w.log.Error("evidence could not be kept", "error", err)
	}
	w.log.Warn("two histories of this ledger", "witness", e.Witness, "theirs", string(e.Theirs), "ours", string(e.Ours))
	if size := w.ledger.Size(); theirs.Size > size {
		return fmt.Errorf("%w: witness %s has cosigned %d entries (root %x) signed by this ledger's key, here are only %d (root %x): it was rolled back, restore a newer copy; both signed checkpoints are in %s",
			errForked, e.Witness, theirs.Size, theirs.Root[:], size, root[:], path), nil
	}
	return fmt.Errorf("%w: witness %s has cosigned root %x at %d entries, signed by this ledger's key, and this ledger has root %x there: it is a restored or forked copy, compare both before going on; both signed checkpoints are in %s",
		errForked, e.Witness, theirs.Root[:], theirs.Size, root[:], path), nil
}

// compare opens what a witness has seen and holds it against this ledger and, if it is of
// more entries, against the head record: every daemon writes that before it asks a witness.
// theirs is zero if there is no contradiction; root is this ledger's at the smaller size.
func (w *witnesses) compare(ctx context.Context, e *witness.ContradictionError) (theirs chain.Checkpoint, root chain.Hash, err error) {
	edge := w.ledger.Edge()
	// A key that was revoked, or that does not sign at that size, says nothing for this
	// ledger: whoever stole it must not be able to stop it.
	if theirs, err = edge.Keys.OpenCheckpoint(e.Theirs, edge.Keys.Verifier(edge.Size)); err != nil {
		return chain.Checkpoint{}, root, err
	}
	size := w.ledger.Size()
	if root, err = w.ledger.RootAt(min(size, theirs.Size)); err != nil {
		return chain.Checkpoint{}, root, err
	}
	if theirs.Size <= size {
		if root == theirs.Root {
			return chain.Checkpoint{}, root, nil
		}
		return theirs, root, nil
	}
	recorded, err := w.head.recorded(ctx)
	if err != nil {
		return chain.Checkpoint{}, root, fmt.Errorf("the head record cannot be read to decide about what witness %s has seen: %w", e.Witness, err)
	}
	if recorded.Size >= theirs.Size {
		return chain.Checkpoint{}, root, nil // more is to come here; then it is compared
	}
	return theirs, root, nil
}

// keep puts the cosigned checkpoint into the store if it satisfies the policy. Cosignatures
// that are too few for that prove nothing to anybody, and are asked for again.
func (w *witnesses) keep(q witness.Question) error {
	text, sigs, err := chain.SplitNote(q.Note)
	if err != nil {
		return err
	}
	for _, known := range w.policy.Witnesses() {
		if a, ok := w.answers[known.Name]; ok {
			sigs = append(sigs, a.Signature)
		}
	}
	signed := chain.JoinNote(text, sigs)
	quorum, err := w.policy.Judge(signed)
	if err != nil {
		return fmt.Errorf("judge cosignatures: %w", err)
	}
	if !quorum.Met {
		return nil
	}
	if err := w.ledger.PutCosigned(quorum.Checkpoint.Size, signed); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shown, w.note = quorum, signed
	return nil
}

// newest returns the newest cosigned checkpoint that satisfies the policy.
func (w *witnesses) newest() (signed []byte, size uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.note, w.shown.Checkpoint.Size
}

// status says what is witnessed, and whether a witness contradicts this ledger.
func (w *witnesses) status() (_ *query.Witnessed, contradiction string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &query.Witnessed{Size: w.shown.Checkpoint.Size, Missing: w.shown.Missing}
	if w.shown.At > 0 {
		s.At = instantOf(w.shown.At)
	}
	for _, known := range w.policy.Witnesses() {
		s.Witnesses = append(s.Witnesses, w.states[known.Name])
		contradiction = cmp.Or(contradiction, w.claims[known.Name])
	}
	return s, contradiction
}

// checkpoint returns what followers are shown: the newest checkpoint that satisfies the
// policy, once there is one; without a policy, the newest.
func (d *daemon) checkpoint(ctx context.Context) ([]byte, uint64, error) {
	if d.witnesses != nil {
		if signed, size := d.witnesses.newest(); size > 0 {
			return signed, size, nil
		}
	}
	return d.head.publish(ctx)
}
