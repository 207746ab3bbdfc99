package ledger

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

// findSize takes the size that the checkpoint names, if it can be believed so far: its
// signature holds, or the entries end there. Otherwise their end is found by halving:
// the largest key alone could be one that does not belong there.
func (f *fsck) findSize() error {
	it, err := f.rows.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceEntry}, UpperBound: []byte{spaceEntry + 1}})
	if err != nil {
		return err
	}
	defer it.Close()
	has := func(seq uint64) bool {
		key := appendEntryKey(nil, seq)
		return it.SeekGE(key) && string(it.Key()) == string(key)
	}
	if cp, err := chain.OpenCheckpoint(f.signed, f.opened); err == nil {
		f.size = cp.Size
		return nil
	} else if n := cp.Size; n > 0 && n < math.MaxInt64 && has(n-1) && !has(n) {
		f.size = n
		return it.Error()
	}
	low, high := uint64(0), uint64(1) // entry low−1 is there, entry high−1 is not
	for high < math.MaxInt64 && has(high-1) {
		low, high = high, 2*high
	}
	for high-low > 1 {
		if middle := low + (high-low)/2; has(middle - 1) {
			low = middle
		} else {
			high = middle
		}
	}
	f.size = low
	return it.Error()
}

// openCheckpoint judges the checkpoint by the key that was valid at its size, as the
// entries tell it.
func (f *fsck) openCheckpoint(root chain.Hash) {
	key := []byte{spaceCheckpoint}
	if f.keys != nil && f.keys.Valid(0) != f.o.VKey && !f.suspects[0] {
		f.faults.at(otherLedger, 0, f.o.VKey, f.keys.Valid(0))
	}
	switch {
	case f.signed == nil: // whether there should be one, the size says
		return
	case string(f.signed) == chain.FormatCheckpoint(f.opened.Name(), f.size, root) && f.catchingUp():
		f.note("the checkpoint is not signed: this ledger catches up through entries that an older key signed")
		f.checkpoint = &chain.Checkpoint{Origin: f.opened.Name(), Size: f.size, Root: root}
		return
	}
	cp, err := f.openSigned(f.signed)
	switch {
	case errors.Is(err, chain.ErrMalformed):
		f.faults.ofKey(badCheckpoint, key, "", "")
	case err != nil:
		f.faults.ofKey(checkpointKey, key, f.opened.Name(), cp.Origin)
	case cp.Size > f.size:
		f.faults.at(missingEntry, f.size, "", fmt.Sprintf("entries %d to %d", f.size, cp.Size-1))
	case cp.Size == f.size:
		f.checkpoint = &cp
	default: // the entries behind it are reported as beyond its size
		f.faults.ofKey(beyondSize, appendEntryKey(nil, cp.Size), "at most "+number(cp.Size)+" entries", number(f.size))
	}
}

// catchingUp reports whether the ledger has not come yet to the key that the folder was
// made with.
func (f *fsck) catchingUp() bool {
	return f.o.Newest != "" && f.keys != nil && !slices.ContainsFunc(f.keys.Keys(), func(k chain.LedgerKey) bool { return k.VKey == f.o.Newest })
}

// openSigned opens a checkpoint of this ledger by the key that was valid at its size.
func (f *fsck) openSigned(text []byte) (chain.Checkpoint, error) {
	cp, err := chain.ReadCheckpoint(text)
	if err != nil {
		return cp, err
	}
	v := f.opened
	if f.keys != nil && f.keys.Verifier(cp.Size) != nil {
		v = f.keys.Verifier(cp.Size)
	}
	return chain.OpenCheckpoint(text, v)
}

// checkEdge checks what stands once, for the newest entry: checkpoint and anchor.
func (f *fsck) checkEdge(r *verify.Report) {
	switch version := f.get([]byte{spaceVersion}); {
	case version == nil && f.isBroken(): // it may be where nothing can be read
	case version == nil && (f.size > 0 || f.indexRows.n > 0):
		f.faults.ofKey(otherLayout, []byte{spaceVersion}, layoutVersion, "nothing")
	case version != nil && string(version) != layoutVersion:
		f.faults.ofKey(otherLayout, []byte{spaceVersion}, layoutVersion, "another text")
	}
	f.checkCheckpoint(r)
	f.checkAnchor()
}

func (f *fsck) checkCheckpoint(r *verify.Report) {
	cp := f.checkpoint
	if cp == nil {
		if f.size > 0 && f.signed == nil && !f.isBroken() {
			f.faults.ofKey(noCheckpoint, []byte{spaceCheckpoint}, "", "")
		}
		return
	}
	if r.Origin != "" && cp.Origin != r.Origin {
		f.faults.ofKey(otherOrigin, []byte{spaceCheckpoint}, r.Origin, cp.Origin)
	}
	// A changed entry changes the root too: then the entry is named, and nothing here.
	if cp.Root != r.Root && len(f.suspects) == 0 && f.size > 0 {
		head := f.size - 1
		f.faults.add(StoreFault{Code: otherRoot, Seq: &head, Key: keyText([]byte{spaceCheckpoint}), Want: hex.EncodeToString(cp.Root[:]), Got: hex.EncodeToString(r.Root[:])})
	}
}

// checkAnchor holds the anchor against the newest entry. When the stream was made, and
// what a message held of which no payload is kept, the stream alone knows: the daemon
// compares with it at every start.
func (f *fsck) checkAnchor() {
	key := []byte{spaceAnchor}
	value := f.get(key)
	switch {
	case value == nil && f.size > 0 && !f.isBroken():
		f.faults.ofKey(noAnchor, key, "", "")
		return
	case value == nil:
		return
	case f.size == 0:
		f.faults.ofKey(anchorDiffers, key, "no anchor before the first entry", "")
		return
	}
	a, err := cutAnchor(value)
	if err != nil {
		return // its length is reported as a bad value
	}
	head, ok := f.header(f.size - 1)
	if !ok {
		return
	}
	if a.StreamSeq != head.StreamSeq {
		f.faults.ofKey(anchorDiffers, key, "stream_seq "+number(head.StreamSeq), number(a.StreamSeq))
	}
	earlier := int64(0)
	if f.size > 1 {
		before, ok := f.header(f.size - 2)
		if !ok {
			return
		}
		earlier = before.LedgeredAt
	}
	if at := max(a.At, earlier); at != head.LedgeredAt {
		f.faults.ofKey(anchorDiffers, key, "the time "+instant(head.LedgeredAt), instant(a.At))
	}
	if !head.Disposition.KeepsPayload() || f.ledger == "" {
		return
	}
	record := f.get(appendEntryKey(nil, f.size-1))
	_, payload, ok := splitEntry(record)
	topic := "greffe." + f.ledger + ".event." + head.Publisher + "." + head.Type // FORMAT §3.3
	if ok && payload != nil && AnchorDigest(topic, payload) != a.Digest {
		f.faults.ofKey(anchorDiffers, key, "the digest of the newest entry's message", "another")
	}
}

// header reads one header, if it is there and canonical.
func (f *fsck) header(seq uint64) (chain.Entry, bool) {
	value := f.get(appendEntryKey(nil, seq))
	header, _, ok := splitEntry(value)
	if !ok {
		return chain.Entry{}, false
	}
	e, rest, err := chain.CutEntry(header)
	return e, err == nil && len(rest) == 0
}

// splitEntry takes an entry's value apart, without looking into the header.
func splitEntry(value []byte) (header, payload []byte, ok bool) {
	if len(value) < 2 || len(value) < 2+int(binary.BigEndian.Uint16(value)) {
		return nil, nil, false
	}
	n := 2 + int(binary.BigEndian.Uint16(value))
	if len(value) > n {
		payload = value[n:]
	}
	return value[2:n:n], payload, true
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func instant(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// keyText writes a key as people read it: its space, then its parts.
func keyText(key []byte) string {
	space, rest := string(key[:min(1, len(key))]), key[min(1, len(key)):]
	switch {
	case space == string(spaceEntry) && len(rest) == 8:
		return "E " + number(binary.BigEndian.Uint64(rest))
	case (space == string(spaceCosigned) || space == string(spaceKeyEvent)) && len(rest) == 8:
		return space + " " + number(binary.BigEndian.Uint64(rest))
	case space == string(spaceTimestamp) && len(rest) == timestampKeySize-1:
		return fmt.Sprintf("s %d %s %x", binary.BigEndian.Uint64(rest), instant(int64(binary.BigEndian.Uint64(rest[8:]))), rest[16:])
	case space == string(spaceTile) && len(rest) == 9:
		return fmt.Sprintf("t %d %d", rest[0], binary.BigEndian.Uint64(rest[1:]))
	case space == string(spaceID) || space == string(spaceConflict):
		if publisher, id, digest, ok := cutIndexKey(key); ok && printable(publisher) {
			text := fmt.Sprintf("%s %s %s", space, publisher, chain.EventIDText(id))
			if len(digest) > 0 {
				text += " " + hex.EncodeToString(digest)
			}
			return text
		}
	case len(rest) == 0 && printable(key):
		return space
	}
	return "0x" + hex.EncodeToString(key)
}

func printable(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
