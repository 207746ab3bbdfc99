package interop_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a program may take to be ready, or to stop.
const patience = 30 * time.Second

// build builds our programs and returns the folder that they are in.
func build(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/greffed", "./cmd/greffe")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build greffe: %v\n%s", err, out)
	}
	return bin
}

// A daemon is a greffed that runs.
type daemon struct {
	remote // where its log is served
	bin    string
	dir    string
	cmd    *exec.Cmd
}

// serve starts greffed on a folder and waits until its log can be followed.
func serve(t *testing.T, bin, dir string) *daemon {
	t.Helper()
	d := &daemon{bin: bin, dir: dir}
	said, err := os.Create(filepath.Join(t.TempDir(), "greffed.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	d.cmd = exec.Command(filepath.Join(bin, "greffed"), "serve", "--dir", dir, "--nats-port", "-1", "--http", "127.0.0.1:0")
	d.cmd.Stdout, d.cmd.Stderr = said, said
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { d.cmd.Wait(); close(ended) }()
	t.Cleanup(func() { d.cmd.Process.Kill(); <-ended })
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if address, ok := address(dir, d.cmd.Process.Pid); ok {
			d.url = "http://" + address + "/"
			break
		}
		select {
		case <-ended:
			until = time.Time{}
		default:
		}
		if time.Now().After(until) {
			text, _ := os.ReadFile(said.Name())
			t.Fatalf("greffed is not ready:\n%s", text)
		}
	}
	vkey, err := os.ReadFile(filepath.Join(dir, "main.vkey"))
	if err != nil {
		t.Fatal(err)
	}
	d.vkey = strings.TrimSpace(string(vkey))
	return d
}

// address reads where the daemon of that pid serves its log, once it is ready.
func address(dir string, pid int) (string, bool) {
	text, err := os.ReadFile(filepath.Join(dir, "daemon.json"))
	var found struct {
		PID  int
		HTTP string
	}
	return found.HTTP, err == nil && json.Unmarshal(text, &found) == nil && found.PID == pid
}

// stop stops it as an operator does.
func (d *daemon) stop(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(patience); !errors.Is(d.cmd.Process.Signal(syscall.Signal(0)), os.ErrProcessDone); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("greffed does not stop")
		}
	}
}

// allow makes the publisher that publish uses.
func (d *daemon) allow(t *testing.T) {
	t.Helper()
	if out, err := exec.Command(filepath.Join(d.bin, "greffed"), "publisher", "add", "interop", "--dir", d.dir).CombinedOutput(); err != nil {
		t.Fatalf("add a publisher: %v\n%s", err, out)
	}
}

// eventID is the id of the event of that number.
func eventID(i int) string { return fmt.Sprintf("01KE6PYK00%016d", i) }

// publish publishes n small events, numbered from first, as a service does; every one
// of them must be recorded.
func (d *daemon) publish(first, n int) error {
	var events, receipts, said bytes.Buffer
	for i := first; i < first+n; i++ {
		fmt.Fprintf(&events, `{"specversion":"1.0","id":"%[1]s","source":"interop","type":"measure.adopted.v1",`+
			`"subject":"measure/TOM-%03[2]d","time":"2026-11-23T10:00:00+01:00","recordedat":"2026-11-23T10:05:00+01:00",`+
			`"data":{"measure_id":"TOM-%03[2]d","kind":"technical","topic":"backup","text":"restore tested"}}`+"\n", eventID(i), i%1000)
	}
	cmd := exec.Command(filepath.Join(d.bin, "greffe"), "--dir", d.dir, "publish", "--publisher", "interop", "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &events, &receipts, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("publish: %w\n%s", err, &said)
	}
	if got := bytes.Count(receipts.Bytes(), []byte(`"disposition":"recorded"`)); got != n {
		return fmt.Errorf("publish: %d of %d events are recorded", got, n)
	}
	return nil
}
