// Package cli holds what the command lines of greffe share: exit codes, how they
// talk to people, and how they find a daemon.
package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Exit codes (DESIGN §3), the same in every program.
const (
	ExitOK          = 0 // sound, done
	ExitFailed      = 1 // could not do it: a file cannot be read, a key is bad, no server
	ExitUsage       = 2
	ExitTampered    = 3
	ExitUnconfirmed = 4
	ExitNo          = 5 // the answer is no: a conflict, a quarantine, a consent that is not valid
)

// An Error carries an exit code and, if there is one, what to do.
type Error struct {
	Code int
	Err  error
	Hint string
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Usage is an error of the command's words.
func Usage(format string, args ...any) error {
	return &Error{Code: ExitUsage, Err: fmt.Errorf(format, args...), Hint: "see --help"}
}

// Arguments gives cobra's own complaints about a command's words the exit code of
// usage; every other error stays as it is.
func Arguments(err error) error {
	var coded *Error
	if err == nil || errors.As(err, &coded) {
		return err
	}
	for _, words := range []string{"unknown command", "accepts ", "requires at least", "unknown flag", "required flag"} {
		if strings.HasPrefix(err.Error(), words) {
			return Usage("%w", err)
		}
	}
	return err
}

// Hint adds what to do to an error. An error that has a hint keeps it, for that one
// was nearer to the cause.
func Hint(err error, format string, args ...any) error {
	var e *Error
	if err == nil || errors.As(err, &e) && e.Hint != "" {
		return err
	}
	return &Error{Code: ExitCode(err), Err: err, Hint: fmt.Sprintf(format, args...)}
}

// ExitCode returns the code with which a program ends after err.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ExitFailed
}

// Report prints err as people read it: lower case, one line, no full stop, and the
// hint on a line of its own.
func Report(w io.Writer, program string, err error) {
	var e *Error
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	if text != "" {
		fmt.Fprintf(w, "%s: error: %s\n", program, text)
	}
	if errors.As(err, &e) && e.Hint != "" {
		fmt.Fprintf(w, "%s: hint: %s\n", program, e.Hint)
	}
}
