package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/wal"
)

// damaged notes that a file cannot be read, once for each reason.
func (f *fsck) damaged(code StoreCode, err error) {
	file, why := f.blame(err)
	f.mu.Lock()
	known := slices.Contains(f.brokenBy, why)
	f.brokenBy = append(f.brokenBy, why)
	f.mu.Unlock()
	if !known {
		f.faults.add(StoreFault{Code: code, File: file, Got: why})
	}
}

// blame takes the file and the reason out of an error of Pebble.
func (f *fsck) blame(err error) (file, why string) {
	why = oneLine(err)
	var path *fs.PathError
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		return f.disk.PathBase(info.Path), why
	}
	switch {
	case errors.Is(err, pebble.ErrDBDoesNotExist):
		return "marker.manifest", "it names the list of files, and is missing"
	case errors.Is(err, pebble.ErrDBNotPristine):
		return "marker.format-version", "it names the format of the files, and is missing"
	}
	if errors.As(err, &path) {
		return f.disk.PathBase(path.Path), path.Err.Error()
	}
	names := regexp.MustCompile(`MANIFEST-\d+|OPTIONS-\d+|marker\.[\w.-]+|\b\d{6,}\.(?:sst|log|blob)\b`)
	if file = names.FindString(why); file != "" {
		return file, why
	}
	if m := regexp.MustCompile(`\bL\d+: (\d{6,})|table (\d{6,})|wal (\d{6,})`).FindStringSubmatch(why); m != nil {
		switch {
		case m[3] != "":
			return m[3] + ".log", why
		case m[1] != "" || m[2] != "":
			return m[1] + m[2] + ".sst", why
		}
	}
	return "", why
}

// oneLine shortens an error of Pebble.
func oneLine(err error) string {
	why := strings.Join(strings.Fields(err.Error()), " ")
	why = strings.TrimSuffix(strings.ReplaceAll(why, "<corruption detail carrier>", ""), " ")
	if len(why) > 300 {
		why = strings.ToValidUTF8(why[:300], "") + " …"
	}
	return why
}

// optionsFile names the newest file of options.
func (f *fsck) optionsFile() string {
	names, _ := f.disk.FS.List(f.dir)
	newest := ""
	for _, name := range names {
		if strings.HasPrefix(name, "OPTIONS-") {
			newest = max(newest, name)
		}
	}
	return newest
}

// checkFiles looks at what Pebble passes over in silence: a log or a list of files
// that ends in the middle, and files that the list does not name.
func (f *fsck) checkFiles() {
	f.try(f.checkManifest)
	if !f.logged {
		f.try(f.checkLogs)
	}
	f.try(f.checkOrphans)
}

// try notes that a file could not be read.
func (f *fsck) try(check func() error) {
	if err := f.guard(check); err != nil {
		f.damaged(brokenFile, err)
	}
}

// checkManifest reads the list of files to its end. Pebble stops at the first record
// that it cannot read, as after a crash; that it lost something shows as an orphan.
func (f *fsck) checkManifest() error {
	desc, err := pebble.Peek(f.dir, f.disk)
	if err != nil {
		return err
	}
	file, err := f.disk.Open(desc.ManifestFilename)
	if err != nil {
		return err
	}
	defer file.Close()
	r := record.NewReader(file, 0)
	for err == nil {
		var rec io.Reader
		if rec, err = r.Next(); err == nil {
			_, err = io.Copy(io.Discard, rec)
		}
	}
	if !errors.Is(err, io.EOF) {
		f.note("the list of files %s ends in the middle of a record: a crash cut it short, or its end is damaged; what it named last is not lost as long as no file of entries is reported", f.disk.PathBase(desc.ManifestFilename))
	}
	return nil
}

// checkLogs reads the newest write-ahead log to its end. What a crash leaves behind and a
// damaged end look the same, so it is no fault; only the stream knows what is missing. The
// direct way also looks into older logs, as far as what they hold is in no file; a log
// that it cannot do with is an error.
func (f *fsck) checkLogs() error {
	logs, err := wal.Scan(wal.Dir{FS: f.disk, Dirname: f.dir})
	if err != nil {
		return err
	}
	if len(logs) == 0 {
		f.note("there is no write-ahead log: the daemon crashed while it started, or the file was deleted with what was written last")
	}
	table := spacesByLetter()
	var sum rowSummer
	sum.init(f)
	defer func() { f.addIndexRows(sum.sum) }()
	for i, log := range slices.Backward(logs) {
		first, whole, err := f.checkLog(log, table, &sum)
		if err != nil {
			return err
		}
		if i == len(logs)-1 && !whole {
			_, path := log.SegmentLocation(log.NumSegments() - 1)
			f.note("the write-ahead log %s ends in the middle of a write: a crash cut it short, or its end is damaged; whether an entry is missing at the end, the daemon sees when it starts, by the head record",
				f.disk.PathBase(path))
		}
		if f.plan == nil || first < f.plan.flush {
			break // older logs are older still
		}
	}
	return nil
}

// checkLog reads one log. It returns the number of its first batch, the largest number
// without one, and whether the log has an end.
func (f *fsck) checkLog(log wal.LogicalLog, table *[256]*space, sum *rowSummer) (first uint64, whole bool, err error) {
	r := log.OpenForRead()
	defer r.Close()
	first = math.MaxUint64
	var batch bytes.Buffer
	for {
		rec, _, err := r.NextRecord()
		if err == nil {
			batch.Reset()
			_, err = batch.ReadFrom(rec)
		}
		if err != nil {
			return first, errors.Is(err, io.EOF), nil
		}
		if f.plan == nil {
			continue
		}
		if err := f.logBatch(batch.Bytes(), table, sum); err != nil {
			return first, false, err
		}
		first = min(first, uint64(batchrepr.ReadSeqNum(batch.Bytes())))
	}
}

// checkOrphans looks into the files of entries that the list does not name. A crash
// leaves such files, but what is in them is in the log too: an entry that the store does
// not have means that the list, or the log, has lost it.
func (f *fsck) checkOrphans() error {
	names, err := f.disk.List(f.dir)
	if err != nil {
		return err
	}
	levels, err := f.db.SSTables()
	if err != nil {
		return err
	}
	live := map[string]bool{}
	for _, tables := range levels {
		for i := range tables {
			live[fmt.Sprintf("%06d.sst", uint64(tables[i].BackingSSTNum))] = true
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") || live[name] {
			continue
		}
		last, ok := f.lastEntry(name)
		if ok && f.get(appendEntryKey(nil, last)) == nil && !f.isBroken() {
			f.faults.add(StoreFault{Code: lostFiles, File: name, Got: "up to entry " + number(last)})
		}
	}
	return nil
}

// lastEntry returns the largest seq in a file, false if it holds none or is no whole
// file: a crash leaves such.
func (f *fsck) lastEntry(name string) (seq uint64, ok bool) {
	_ = f.guard(func() error {
		file, err := f.disk.Open(f.disk.PathJoin(f.dir, name))
		if err != nil {
			return err
		}
		readable, err := sstable.NewSimpleReadable(file)
		if err != nil {
			return errors.Join(err, file.Close())
		}
		opts := pebbleOptions(&Options{FS: f.disk})
		defer opts.Cache.Unref()
		r, err := sstable.NewReader(context.Background(), readable, opts.MakeReaderOptions())
		if err != nil {
			return errors.Join(err, readable.Close())
		}
		defer r.Close()
		it, err := r.NewIter(sstable.NoTransforms, []byte{spaceEntry}, []byte{spaceEntry + 1}, sstable.AssertNoBlobHandles)
		if err != nil {
			return err
		}
		defer it.Close()
		if kv := it.SeekLT([]byte{spaceEntry + 1}, 0); kv != nil && len(kv.K.UserKey) == 9 {
			seq, ok = binary.BigEndian.Uint64(kv.K.UserKey[1:]), true
		}
		return it.Error()
	})
	return seq, ok
}

func (f *fsck) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Notes = append(f.report.Notes, fmt.Sprintf(format, args...))
}
