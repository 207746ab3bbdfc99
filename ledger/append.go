package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

// A Draft is one message of the stream on its way to becoming an entry: everything
// that does not depend on the entries before it.
type Draft struct {
	Epoch     uint32
	StreamSeq uint64
	At        int64 // timestamp in the stream, ns since the Unix epoch

	Publisher, Type, Aggregate string
	ID                         [16]byte
	ContentDigest              [32]byte // decides between duplicate and conflict
	PayloadHash                [32]byte // SHA-256 of Payload
	Payload                    []byte
	Quarantined                bool   // breaks the frozen rules: no payload is kept
	Length                     uint32 // of the message, if quarantined

	LedgerID [16]byte // of the genesis only
}

// A Placed entry is where a draft went.
type Placed struct {
	Seq         uint64
	Leaf        chain.Hash
	Disposition chain.Disposition
	First       uint64 // of a duplicate or conflict: seq of the entry that came first
}

// A Staged batch is applied but not yet synced.
type Staged struct {
	l      *Ledger
	batch  *pebble.Batch
	edge   Edge
	Placed []Placed // in the order of the drafts
}

// An appender builds entries. Everything in it is owned by the goroutine that calls
// [Ledger.Stage], and is ahead of what readers see by the staged batches.
type appender struct {
	tree      *chain.Tree
	edge      Edge
	conflicts map[conflictKey]uint64 // those of the batch that is being built
	batch     *pebble.Batch          // the batch that is being built
	err       error                  // of a tile write
	key       []byte
	header    []byte
}

// writeTile puts a completed tile into the batch that is being built.
func (a *appender) writeTile(level int, n uint64, tile []byte) {
	if err := a.batch.Set(appendTileKey(nil, level, n), tile, nil); err != nil && a.err == nil {
		a.err = err
	}
}

// Stage turns drafts into entries and applies them in one write: entries, index,
// complete tiles, checkpoint and anchor. They become visible to readers, and may be
// receipted, only after [Staged.Wait].
//
// A crash before the write is synced loses the whole batch; ingest reads its messages
// again, and the same entries come out. The key that is valid at the batch's last size
// signs; without its private key the error is of class [ErrNoSigner], and nothing has
// happened.
func (l *Ledger) Stage(drafts []Draft, anchor Anchor) (*Staged, error) {
	if len(drafts) > recentSize {
		return nil, fmt.Errorf("append %d entries at once: at most %d", len(drafts), recentSize)
	}
	a := &l.appender
	keys, err := l.keysAfter(drafts)
	if err != nil {
		return nil, err
	}
	signer, err := l.signerAt(keys, a.edge.Size+uint64(len(drafts)))
	if err != nil {
		return nil, err // nothing has changed yet: the same batch may come again
	}
	s := &Staged{l: l, batch: l.db.NewBatchWithSize(batchSize(drafts)), Placed: make([]Placed, 0, len(drafts))}
	a.batch, a.err = s.batch, nil
	clear(a.conflicts)
	for i := range drafts {
		placed, err := l.place(&drafts[i])
		if err != nil {
			return nil, fmt.Errorf("append entry %d: %w", a.edge.Size, err)
		}
		s.Placed = append(s.Placed, placed)
	}
	if err := l.seal(signer, anchor); err != nil {
		return nil, err
	}
	if err := l.db.ApplyNoSyncWait(s.batch, pebble.Sync); err != nil {
		return nil, fmt.Errorf("append to the ledger: %w", err)
	}
	s.edge = a.edge
	return s, nil
}

func batchSize(drafts []Draft) int {
	n := 1024
	for i := range drafts {
		n += len(drafts[i].Payload) + 512
	}
	return n
}

// place gives one draft its disposition, its header and its keys.
func (l *Ledger) place(d *Draft) (Placed, error) {
	a := &l.appender
	e := d.entry(a.edge.Size)
	e.LedgeredAt = max(d.At, a.edge.Head.LedgeredAt)
	if e.Seq > 0 {
		e.Prev = a.edge.Leaf
	}
	placed := Placed{Seq: e.Seq}
	var err error
	if placed.Disposition, placed.First, err = l.disposition(d, e.Seq); err != nil {
		return placed, err
	}
	e.Disposition = placed.Disposition
	var payload []byte
	switch e.Disposition {
	case chain.Quarantined:
		e.PayloadLen = d.Length
	case chain.Duplicate:
		e.PayloadLen, e.PayloadHash = uint32(len(d.Payload)), d.PayloadHash
	default:
		e.PayloadLen, e.PayloadHash, payload = uint32(len(d.Payload)), d.PayloadHash, d.Payload
	}
	if a.header, err = chain.AppendEntry(a.header[:0], &e); err != nil {
		return placed, err
	}
	placed.Leaf = chain.LeafHash(a.header)
	if err := a.writeEntry(e.Seq, payload); err != nil {
		return placed, err
	}
	if err := a.followKeys(payload); err != nil {
		return placed, err
	}
	a.tree.Append(placed.Leaf, a.writeTile)
	a.edge.Size, a.edge.Head, a.edge.Leaf = e.Seq+1, e, placed.Leaf
	return placed, a.err
}

// entry is what the draft says of its entry at seq. What the entries before it say is
// left to the caller: disposition, prev, and that time does not go back.
func (d *Draft) entry(seq uint64) chain.Entry {
	e := chain.Entry{
		Seq: seq, Epoch: d.Epoch, StreamSeq: d.StreamSeq, LedgeredAt: d.At, EventID: d.ID,
		Publisher: d.Publisher, Type: d.Type, Aggregate: d.Aggregate,
	}
	if seq == 0 {
		e.Prev = chain.GenesisPrev(d.LedgerID)
	}
	return e
}

// followKeys keeps the ledger's keys and the index of what changed them, for the entry
// whose header is in a.header.
func (a *appender) followKeys(payload []byte) (err error) {
	h := chain.Header(a.header)
	if a.edge.Keys, err = foldKeys(a.edge.Keys, h, payload); err != nil || !chain.IsKeyEvent(h) {
		return err
	}
	a.key = appendKeyEventKey(a.key[:0], h.Seq())
	return a.batch.Set(a.key, nil, nil)
}

// writeEntry writes the header that is in a.header and the payload, without a copy.
func (a *appender) writeEntry(seq uint64, payload []byte) error {
	a.key = appendEntryKey(a.key[:0], seq)
	op := a.batch.SetDeferred(len(a.key), 2+len(a.header)+len(payload))
	copy(op.Key, a.key)
	binary.BigEndian.PutUint16(op.Value, uint16(len(a.header)))
	copy(op.Value[2+copy(op.Value[2:], a.header):], payload)
	return op.Finish()
}

// A conflictKey names one content under an id that another content has taken.
type conflictKey struct {
	idKey
	digest [32]byte
}

// disposition applies the rule of FORMAT.md: the first event with an id is recorded;
// the same content again is a duplicate; other content under that id is a conflict,
// once for each content. It also writes the index.
func (l *Ledger) disposition(d *Draft, seq uint64) (chain.Disposition, uint64, error) {
	if d.Quarantined {
		return chain.Quarantined, 0, nil
	}
	a := &l.appender
	id := idKey{d.Publisher, d.ID}
	known, ok, err := l.find(id)
	if err != nil {
		return 0, 0, err
	}
	if !ok {
		l.ids.add(id, first{seq: seq, digest: d.ContentDigest})
		a.key = appendIDKey(a.key[:0], d.Publisher, d.ID)
		return chain.Recorded, seq, a.batch.Set(a.key, appendFirst(nil, seq, d.ContentDigest), nil)
	}
	if known.digest == d.ContentDigest {
		return chain.Duplicate, known.seq, nil
	}
	content := conflictKey{id, d.ContentDigest}
	if earlier, ok := a.conflicts[content]; ok {
		return chain.Duplicate, earlier, nil
	}
	switch earlier, err := l.findConflict(d.Publisher, d.ID, d.ContentDigest); {
	case err == nil:
		return chain.Duplicate, earlier, nil
	case !errors.Is(err, ErrNotFound):
		return 0, 0, err
	}
	a.conflicts[content] = seq
	a.key = appendConflictKey(a.key[:0], d.Publisher, d.ID, d.ContentDigest)
	return chain.Conflict, known.seq, a.batch.Set(a.key, binary.BigEndian.AppendUint64(nil, seq), nil)
}

// seal writes the checkpoint over everything appended so far, and the anchor. Without a
// signer the checkpoint is its text alone.
func (l *Ledger) seal(signer note.Signer, anchor Anchor) error {
	a := &l.appender
	a.edge.Root, a.edge.Anchor, a.edge.Checkpoint = a.tree.Root(), anchor, nil
	text := []byte(chain.FormatCheckpoint(l.origin, a.edge.Size, a.edge.Root))
	if signer != nil {
		var err error
		if text, err = chain.SignCheckpoint(l.origin, a.edge.Size, a.edge.Root, signer); err != nil {
			return fmt.Errorf("sign checkpoint of size %d: %w", a.edge.Size, err)
		}
		a.edge.Checkpoint = text
	}
	if err := a.batch.Set([]byte{spaceCheckpoint}, text, nil); err != nil {
		return err
	}
	return a.batch.Set([]byte{spaceAnchor}, appendAnchor(nil, anchor), nil)
}

// Wait returns when the batch is synced, and makes it visible to readers. Batches
// are waited for in the order in which they were staged.
func (s *Staged) Wait() error {
	if err := s.batch.SyncWait(); err != nil {
		return fmt.Errorf("sync the ledger: %w", err)
	}
	s.l.edge.Store(&s.edge)
	return s.batch.Close()
}

const anchorSize = 8 + 8 + 8 + sha256.Size

func appendAnchor(dst []byte, a Anchor) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(a.StreamCreated))
	dst = binary.BigEndian.AppendUint64(dst, a.StreamSeq)
	dst = binary.BigEndian.AppendUint64(dst, uint64(a.At))
	return append(dst, a.Digest[:]...)
}

func cutAnchor(b []byte) (Anchor, error) {
	if len(b) != anchorSize {
		return Anchor{}, fmt.Errorf("%w: the anchor has %d bytes", ErrDamaged, len(b))
	}
	a := Anchor{
		StreamCreated: int64(binary.BigEndian.Uint64(b)),
		StreamSeq:     binary.BigEndian.Uint64(b[8:]),
		At:            int64(binary.BigEndian.Uint64(b[16:])),
	}
	copy(a.Digest[:], b[24:])
	return a, nil
}

// AnchorDigest is the digest by which a message of the stream is known again.
func AnchorDigest(topic string, data []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(topic))
	h.Write([]byte{0})
	h.Write(data)
	var sum [32]byte
	h.Sum(sum[:0])
	return sum
}
