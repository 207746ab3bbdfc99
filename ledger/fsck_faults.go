package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"greffe/ledger/verify"
)

// A StoreCode names one kind of damage of a store. Codes never change and are never
// used twice.
type StoreCode string

// The codes, as the checks name them.
const (
	brokenFile      StoreCode = "S001"
	brokenOpen      StoreCode = "S002"
	lostFiles       StoreCode = "S003"
	otherLayout     StoreCode = "S004"
	unknownSpace    StoreCode = "S005"
	badKey          StoreCode = "S006"
	badValue        StoreCode = "S007"
	missingEntry    StoreCode = "S008"
	beyondSize      StoreCode = "S009"
	shortEntry      StoreCode = "S010"
	entryHeader     StoreCode = "S011"
	entrySeq        StoreCode = "S012"
	entryLink       StoreCode = "S013"
	entryGenesis    StoreCode = "S014"
	entryFirstLink  StoreCode = "S015"
	entryStreamSeq  StoreCode = "S016"
	entryEpoch      StoreCode = "S017"
	entryTime       StoreCode = "S018"
	entryPayload    StoreCode = "S019"
	extraPayload    StoreCode = "S020"
	absentPayload   StoreCode = "S021"
	tileDiffers     StoreCode = "S022"
	missingTile     StoreCode = "S023"
	extraTile       StoreCode = "S024"
	missingRow      StoreCode = "S025"
	strayRow        StoreCode = "S026"
	rowDigest       StoreCode = "S027"
	neverRecorded   StoreCode = "S028"
	rowSums         StoreCode = "S029"
	noCheckpoint    StoreCode = "S030"
	badCheckpoint   StoreCode = "S031"
	checkpointKey   StoreCode = "S032"
	otherOrigin     StoreCode = "S033"
	otherRoot       StoreCode = "S034"
	noAnchor        StoreCode = "S035"
	anchorDiffers   StoreCode = "S036"
	badCosigned     StoreCode = "S037"
	rolledBack      StoreCode = "S038"
	keyPayload      StoreCode = "S039"
	brokenOptions   StoreCode = "S040"
	otherEntryFault StoreCode = "S041"
	badTimestamp    StoreCode = "S045"
	otherLedger     StoreCode = "S046"
)

// The codes of what is folded, for [FsckOptions.Registers].
const (
	RegistersBroken StoreCode = "S042"
	RegistersAhead  StoreCode = "S043"
	RegisterDiffers StoreCode = "S044"
)

// A StoreKind is one row of the table of store faults.
type StoreKind struct {
	Code StoreCode
	// What says what is wrong; Hint says what to do.
	What, Hint string
	// Verify is the code under which an auditor's program reports the same of a bundle.
	Verify verify.Code
}

const (
	restore = "stop using this copy and keep it as evidence; restore the ledger from a backup or from another daemon, then start: it goes on from the stream"
	derived = "the entries themselves are whole: export a bundle as evidence, then restore the folder from a backup or from another daemon"
	rebuild = "the ledger is whole: run greffed rebuild, which makes the registers anew"
	newer   = "use the build that wrote this store; if this one did, the store was edited: restore it from a backup"
)

// storeKinds is every fault of a store there is. Nothing writes to it.
var storeKinds = [...]StoreKind{
	{brokenFile, "a file of the store is damaged", "check the disk; " + restore, ""},
	{brokenOpen, "the store does not open", "check the disk and the files named; " + restore, ""},
	{lostFiles, "a file holds entries that the store has lost track of", restore, ""},
	{otherLayout, "the store is not of the layout that this build reads", newer, ""},
	{unknownSpace, "a key of a space that this build does not know", newer, ""},
	{badKey, "a key that has not the form of its space", restore, ""},
	{badValue, "a value that has not the form of its space", restore, ""},
	{missingEntry, "the entry is missing", restore, ""},
	{beyondSize, "an entry lies beyond the size that the checkpoint signs", restore, ""},
	{shortEntry, "the entry's value is cut short", restore, ""},
	{entryHeader, "the header is not in its one canonical form", restore, "V005"},
	{entrySeq, "the entry does not have the seq of its place", restore, "V006"},
	{entryLink, "the next entry does not link to this one", restore, "V007"},
	{entryGenesis, "the first entry does not open a ledger", restore, "V008"},
	{entryFirstLink, "the first entry's previous hash is not that of its ledger id", restore, "V009"},
	{entryStreamSeq, "the stream position does not follow the entry before", restore, "V010"},
	{entryEpoch, "the epoch changes without the event that opens the next one", restore, "V011"},
	{entryTime, "the time of entry is before that of the entry before", restore, "V012"},
	{entryPayload, "the payload is not the one that was entered", restore, "V013"},
	{extraPayload, "a payload stands where this disposition keeps none", restore, "V014"},
	{absentPayload, "the payload is absent, and no event in this ledger says why", restore, ""},
	{tileDiffers, "a tile is not what its entries hash to", derived, ""},
	{missingTile, "a complete tile is missing", derived, ""},
	{extraTile, "a tile lies where this size has none", derived, ""},
	{missingRow, "the index has no row for this entry, so the same event would be entered again", derived, ""},
	{strayRow, "a row of the index belongs to no entry", derived, ""},
	{rowDigest, "a row of the index has another content digest than its event", derived, ""},
	{neverRecorded, "a duplicate or conflict of an id that was not recorded before", restore, ""},
	{rowSums, "the index and the entries differ, and no single row shows how", derived, ""},
	{noCheckpoint, "there is no checkpoint", restore, "V018"},
	{badCheckpoint, "the checkpoint is not in its one canonical form", restore, "V019"},
	{checkpointKey, "the checkpoint is not signed by this ledger's key", "check that DIR/ledger.json is this ledger's; " + restore, "V023"},
	{otherOrigin, "the checkpoint is of another ledger than the entries", restore, "V020"},
	{otherRoot, "the entries do not hash to the root that is signed, though every link holds: the newest was changed, or all were rewritten", restore, "V022"},
	{noAnchor, "there is no anchor", restore, ""},
	{anchorDiffers, "the anchor does not fit the newest entry", restore, ""},
	{badCosigned, "a checkpoint that witnesses cosigned does not fit this ledger", "keep it as evidence and compare with the witnesses; if they have another history, so has somebody else", ""},
	{rolledBack, "witnesses or a timestamp saw more entries than there are: the ledger was rolled back, or lost its end", restore, ""},
	{keyPayload, "an event about keys is there without its payload, so which key is valid cannot be known", restore, "V036"},
	{brokenOptions, "a file that holds no data keeps the store from opening", "check the disk; move this file out of the folder, the daemon writes it anew", ""},
	{otherEntryFault, "the entry breaks the format", restore, ""},
	{RegistersBroken, "the store of the registers cannot be read", "check the disk; " + rebuild, ""},
	{RegistersAhead, "the registers hold entries that the ledger has not: it was rolled back, or lost its end", restore, ""},
	{RegisterDiffers, "the registers are not what the entries say", rebuild, ""},
	{badTimestamp, "a timestamp does not fit this ledger", "keep it as evidence: an authority outside saw another history, or the row was changed; the others still hold", ""},
	{otherLedger, "the ledger was opened with another key than this folder's", "check that DIR/ledger.json and the store belong together; " + restore, ""},
}

// StoreKinds returns the table of store faults, in the order of their codes.
func StoreKinds() []StoreKind { return slices.Clone(storeKinds[:]) }

// A StoreFault is one thing that is wrong with a store.
type StoreFault struct {
	Code StoreCode `json:"code"`
	// Seq is the entry concerned, by its place in the store.
	Seq *uint64 `json:"seq,omitempty"`
	// Key is the key concerned, as FsckKey writes it.
	Key string `json:"key,omitempty"`
	// File is the file concerned, within the store's folder.
	File string `json:"file,omitempty"`
	What string `json:"what"`
	Hint string `json:"hint"`
	// Want and Got are positions, hashes or names, never payload.
	Want string `json:"want,omitempty"`
	Got  string `json:"got,omitempty"`
	// Verify is the code of the same fault in a bundle.
	Verify verify.Code `json:"verify,omitempty"`
}

// String returns the fault in one line.
func (f StoreFault) String() string {
	s := string(f.Code)
	if f.Seq != nil {
		s += fmt.Sprintf(" seq %d", *f.Seq)
	}
	if f.Key != "" {
		s += fmt.Sprintf(" key %q", f.Key)
	}
	if f.File != "" {
		s += " file " + f.File
	}
	s += ": " + f.What
	switch {
	case f.Want != "" && f.Got != "":
		s += fmt.Sprintf(" (want %s, got %s)", f.Want, f.Got)
	case f.Want != "" || f.Got != "":
		s += fmt.Sprintf(" (%s)", cmp.Or(f.Want, f.Got))
	}
	return s
}

// maxOfAKind is how many faults of each kind are listed; all are counted.
const maxOfAKind = 20

// storeFaults collects faults from every goroutine.
type storeFaults struct {
	mu    sync.Mutex
	kept  []StoreFault
	of    map[StoreCode]int
	count uint64
}

// add notes a fault; its What and Hint are those of its kind.
func (l *storeFaults) add(f StoreFault) {
	i := slices.IndexFunc(storeKinds[:], func(k StoreKind) bool { return k.Code == f.Code })
	k := storeKinds[i]
	f.What, f.Hint, f.Verify = k.What, k.Hint, cmp.Or(f.Verify, k.Verify)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[StoreCode]int{}
	}
	l.count++
	if l.of[f.Code]++; l.of[f.Code] <= maxOfAKind {
		l.kept = append(l.kept, f)
	}
}

// at notes a fault of one entry.
func (l *storeFaults) at(c StoreCode, seq uint64, want, got string) {
	l.add(StoreFault{Code: c, Seq: &seq, Want: want, Got: got})
}

// ofKey notes a fault of one key.
func (l *storeFaults) ofKey(c StoreCode, key []byte, want, got string) {
	l.add(StoreFault{Code: c, Key: keyText(key), Want: want, Got: got})
}

func (l *storeFaults) any() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count > 0
}

// sorted returns the faults as a reader wants them: damaged files first, since the
// rest may follow from them, then entries by seq, then what is derived from them.
func (l *storeFaults) sorted() []StoreFault {
	rank := func(f StoreFault) int {
		switch {
		case f.Code == brokenOptions:
			return 3
		case f.File != "":
			return 0
		case f.Seq != nil:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(l.kept, func(a, b StoreFault) int {
		if c := cmp.Compare(rank(a), rank(b)); c != 0 {
			return c
		}
		if a.Seq != nil && b.Seq != nil && *a.Seq != *b.Seq {
			return cmp.Compare(*a.Seq, *b.Seq)
		}
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Key, b.Key))
	})
	return l.kept
}

// takeEntryFaults turns what verify found into faults of the store.
func (l *storeFaults) takeEntryFaults(r *verify.Report) {
	for i := range r.Faults {
		v := &r.Faults[i]
		f := StoreFault{Code: otherEntryFault, Seq: v.Seq, Want: v.Want, Got: v.Got, Verify: v.Code}
		for _, k := range storeKinds {
			if k.Verify == v.Code {
				f.Code = k.Code
			}
		}
		if f.Code == entryHeader && v.Field != "header" {
			f.Got = "field " + v.Field
		}
		l.add(f)
	}
	l.count += r.FaultCount - uint64(len(r.Faults)) // those that verify did not list
}
