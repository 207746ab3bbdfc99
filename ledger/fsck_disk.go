package ledger

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A scarredDisk remembers damaged blocks and does not read them again. Pebble looks for
// the one bit that explains a wrong checksum, which takes seconds a block, and does so
// anew each time an iterator comes by.
type scarredDisk struct {
	vfs.FS
	noOptions bool // hides the files of options, without which a store opens too
	mu        sync.RWMutex
	scars     map[scar]string // why it cannot be read
}

type scar struct {
	file   string
	offset int64
}

var blockError = regexp.MustCompile(`block (\d+)/\d+: `)

// learn remembers the block that an error is about.
func (d *scarredDisk) learn(file, why string) {
	m := blockError.FindStringSubmatch(why)
	if m == nil || file == "" {
		return
	}
	offset, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.scars == nil {
		d.scars = map[scar]string{}
	}
	d.scars[scar{file, offset}] = why
}

func (d *scarredDisk) find(file string, offset int64) (why string, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	why, ok = d.scars[scar{file, offset}]
	return why, ok
}

// Open implements [vfs.FS].
func (d *scarredDisk) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	return &scarredFile{File: f, disk: d, name: d.PathBase(name)}, nil
}

// List implements [vfs.FS].
func (d *scarredDisk) List(dir string) ([]string, error) {
	names, err := d.FS.List(dir)
	if d.noOptions {
		names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "OPTIONS-") })
	}
	return names, err
}

// Unwrap implements [vfs.FS].
func (d *scarredDisk) Unwrap() vfs.FS { return d.FS }

type scarredFile struct {
	vfs.File
	disk *scarredDisk
	name string
}

// ReadAt implements io.ReaderAt.
func (f *scarredFile) ReadAt(p []byte, offset int64) (int, error) {
	if why, ok := f.disk.find(f.name, offset); ok {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: fmt.Errorf("%s", why)}
	}
	return f.File.ReadAt(p, offset)
}
