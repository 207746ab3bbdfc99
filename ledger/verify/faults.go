package verify

import "slices"

// A Code names one kind of fault. Codes never change and are never used twice.
type Code string

// Aspects that a kind of fault speaks about.
const (
	content = 1 << iota
	signature
	scope
	timing
)

// A Kind is one row of the table of faults.
type Kind struct {
	Code Code
	// Field is where in the format the fault is, as FORMAT.md calls it.
	Field string
	// What says what is wrong; Hint says what to do.
	What, Hint string
	aspects    int
}

// The codes, as the checks name them.
const (
	notABundle     Code = "V001"
	unknownVersion Code = "V002"
	truncated      Code = "V003"
	badFrame       Code = "V004"
	badHeader      Code = "V005"
	badSeq         Code = "V006"
	brokenLink     Code = "V007"
	badGenesis     Code = "V008"
	genesisLink    Code = "V009"
	badStreamSeq   Code = "V010"
	badEpoch       Code = "V011"
	timeWentBack   Code = "V012"
	badPayload     Code = "V013"
	extraPayload   Code = "V014"
	badSection     Code = "V015"
	badTrailer     Code = "V016"
	afterTrailer   Code = "V017"
	noCheckpoint   Code = "V018"
	badCheckpoint  Code = "V019"
	otherOrigin    Code = "V020"
	otherSize      Code = "V021"
	otherRoot      Code = "V022"
	notSigned      Code = "V023"
	revokedKey     Code = "V024"
	badProof       Code = "V025"
	unproved       Code = "V026"
	badScope       Code = "V027"
	strayEntry     Code = "V028"
	missingEntry   Code = "V029"
	badStatement   Code = "V030"
	otherLedger    Code = "V031"
	badTimestamp   Code = "V032"
	forked         Code = "V033"
	rolledBack     Code = "V034"
	notAProof      Code = "V035"
	keyPayload     Code = "V036"
	badConsistency Code = "V037"
)

const (
	hintChanged = "the entry or the one after it was changed; ask the ledger's keeper for a fresh bundle and keep this one as evidence"
	hintDamaged = "the file is damaged or was edited; ask for it again, and compare the two"
)

// table is every fault there is. Nothing writes to it.
var table = [...]Kind{
	{notABundle, "magic", "the file is not a greffe bundle", "check that this is the file that was meant", content | scope},
	{unknownVersion, "version", "the bundle has a version that this program does not read", "use a newer greffe-audit", content | scope},
	{truncated, "trailer", "the file ends before the bundle does", "copy it again: the end is missing", content | scope},
	{badFrame, "frame", "bytes that have no meaning at this place", hintDamaged, content | scope},
	{badHeader, "header", "the header is not in its one canonical form", hintDamaged, content},
	{badSeq, "seq", "the entries are not consecutive", "an entry was removed, repeated or moved; ask the ledger's keeper for a fresh bundle", content | scope},
	{brokenLink, "prev", "the next entry does not link to this one", hintChanged, content},
	{badGenesis, "genesis", "the first entry does not open a ledger", "a bundle of this version starts at the first entry of its ledger", content | scope},
	{genesisLink, "prev", "the first entry's previous hash is not that of its ledger id", hintChanged, content},
	{badStreamSeq, "stream_seq", "the stream position does not follow the entry before", "within an epoch every message is one entry; ask the ledger's keeper what happened here", content},
	{badEpoch, "epoch", "the epoch changes without the event that opens the next one", "ask the ledger's keeper what happened here", content},
	{timeWentBack, "ledgered_at", "the time of entry is before that of the entry before", "ask the ledger's keeper what happened here", content},
	{badPayload, "payload_hash", "the payload is not the one that was entered", "this event was changed after the fact; ask for a fresh bundle and keep this one as evidence", content},
	{extraPayload, "payload", "a payload stands where this disposition keeps none", hintDamaged, content},
	{badSection, "section", "a section that this version does not know", "use a newer greffe-audit, or ask for the bundle again", content | scope},
	{badTrailer, "trailer", "the digest at the end is not that of the bytes before", hintDamaged, content},
	{afterTrailer, "trailer", "the file goes on after the end of the bundle", hintDamaged, content},
	{noCheckpoint, "checkpoint", "the bundle does not hold exactly one checkpoint", "ask the ledger's keeper for a bundle with its signed checkpoint", content | signature | scope},
	{badCheckpoint, "checkpoint", "the checkpoint is not in its one canonical form", hintDamaged, content | signature | scope},
	{otherOrigin, "origin", "the checkpoint is of another ledger than the entries", "entries and checkpoint were put together from two bundles", content},
	{otherSize, "size", "the checkpoint covers another number of entries", "entries were removed or added after the signature", content | scope},
	{otherRoot, "root", "the entries do not hash to the root that the checkpoint names", "at least one entry was changed and the chain rebuilt over it; ask for a fresh bundle and keep this one as evidence", content},
	{notSigned, "signature", "the checkpoint has no valid signature by the key that was brought", "check that the key is this ledger's, received from its keeper by another way than the bundle", signature},
	{revokedKey, "signature", "trust in the key that was brought ended before this size: the ledger says that a key was revoked", "ask the ledger's keeper for the key that is valid now, by another way than the bundle", signature},
	{badProof, "proof", "the hashes that come with the entry do not lead to the root that was signed", "this entry was changed, or is of another ledger; ask for a fresh bundle and keep this one as evidence", content},
	{unproved, "proof", "the entry has no proof, and the one after it, which could prove it, is missing", "an entry was removed; ask the ledger's keeper for a fresh bundle", content | scope},
	{badScope, "scope", "an excerpt says once, in the one canonical form, what it covers, and a whole ledger does not", hintDamaged, content | scope},
	{strayEntry, "scope", "the excerpt holds an entry that its scope does not choose", "it shows more than it says; ask the ledger's keeper why", scope},
	{missingEntry, "scope", "an entry is missing that the excerpt claims to hold", "ask the ledger's keeper for the whole of what it says it covers", scope},
	{badStatement, "section", "a cosigned checkpoint or a timestamp is not in its one form", hintDamaged, timing},
	{otherLedger, "section", "a cosigned or stamped checkpoint is not one of this ledger up to its size", "it was put there from another history; ask the ledger's keeper why, and keep the bundle", timing},
	{badTimestamp, "timestamp", "a timestamp or a cosignature does not hold", "it was changed or is of another checkpoint; ask for the bundle again", timing},
	{forked, "root", "two checkpoints that the ledger signed contradict each other", "two histories of one ledger were shown; keep both notes as evidence", content},
	{rolledBack, "size", "the bundle ends before the earlier checkpoint that was brought", "it is an old copy, or the ledger was set back; ask for one that goes on from your checkpoint", scope},
	{notAProof, "proof", "the file is not a tlog-proof with its record, in their one form", "check that this is the file that was meant", content | scope},
	{keyPayload, "payload", "an event about keys is there without its payload", "which key is valid cannot be known without it; ask the ledger's keeper for a fresh bundle", signature},
	{badConsistency, "consistency", "a proof that the ledger only grew is not in its one form, or does not lead to the root that was signed", "it shows nothing, and accuses nobody; ask for the bundle again", content},
}

// Fails returns the names of the results that a fault of this kind fails.
func (k Kind) Fails() (names []string) {
	for i, name := range []string{"content", "signature", "scope", "time"} {
		if k.aspects>>i&1 == 1 {
			names = append(names, name)
		}
	}
	return names
}

// Kinds returns the table of faults, in the order of their codes.
func Kinds() []Kind { return slices.Clone(table[:]) }

// kindOf returns the row of a code.
func kindOf(c Code) Kind {
	i := slices.IndexFunc(table[:], func(k Kind) bool { return k.Code == c })
	return table[i]
}
