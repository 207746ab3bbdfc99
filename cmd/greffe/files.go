package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"greffe/cmd/internal/cli"
)

// writeFile writes beside the file and renames: there is a whole one or none, and an
// older one stays as it was.
func writeFile(file string, write func(io.Writer) error) error {
	if info, err := os.Stat(file); err == nil && info.IsDir() { // found out now, not after a long download
		return &fs.PathError{Op: "write", Path: file, Err: syscall.EISDIR}
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	out := bufio.NewWriterSize(tmp, 1<<20)
	err = write(out)
	if err := errors.Join(err, out.Flush(), tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

// unwritten says why there is no file, by the name that was asked for: the temporary one
// that the system complains about means nothing to anybody.
func unwritten(what, file string, err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &path):
		err = fmt.Errorf("write %s %s: %w", what, file, path.Err)
	case errors.As(err, &link):
		err = fmt.Errorf("write %s %s: %w", what, file, link.Err)
	default:
		return fmt.Errorf("write %s: %w", what, err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return cli.Hint(err, "the folder %s does not exist, make it first", filepath.Dir(file))
	}
	return err
}
