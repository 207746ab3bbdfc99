package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"greffe/events/durable"
)

// A DaemonFile says where the daemon of a folder is: DIR/daemon.json, written when
// it is ready.
type DaemonFile struct {
	Ledger  string `json:"ledger"`
	PID     int    `json:"pid"`
	URL     string `json:"url,omitempty"`     // of the embedded server
	Server  string `json:"server,omitempty"`  // of an external server, as it was given
	Context string `json:"context,omitempty"` // of an external server, by the nats command line
	HTTP    string `json:"http,omitempty"`
}

func daemonPath(dir string) string { return filepath.Join(dir, "daemon.json") }

// WriteDaemonFile replaces the file.
func WriteDaemonFile(dir string, d DaemonFile) error {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(daemonPath(dir), append(text, '\n'), 0o600)
}

// RemoveDaemonFile says that no daemon runs.
func RemoveDaemonFile(dir string) { os.Remove(daemonPath(dir)) }

// ReadDaemonFile reads it.
func ReadDaemonFile(dir string) (DaemonFile, error) {
	var d DaemonFile
	text, err := os.ReadFile(daemonPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return d, Hint(fmt.Errorf("no daemon runs in %s", dir), "start one: greffed serve --dir %s", dir)
	}
	if err != nil {
		return d, fmt.Errorf("find the daemon: %w", err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("find the daemon: %s is damaged: %w", daemonPath(dir), err)
	}
	return d, nil
}
