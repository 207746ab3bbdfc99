package clitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a daemon may take to be ready, or to stop.
const patience = 30 * time.Second

// RunScripts runs the scripts of a folder, one behaviour a file. Besides the usual
// commands, a script has
//
//	exit CODE PROGRAM ARG...   runs a program and wants that exit code; what it wrote
//	                           goes to the files out and err. "<FILE" as the last word
//	                           is its standard input. An error must be one line that
//	                           names the program, with at most one line of hint.
//	serve DIR [ARG...]         starts greffed serve and waits until it is ready; what
//	                           it wrote goes to DIR.log
//	quit DIR                   stops it as an operator does, and wants exit code 0
//	crash DIR                  stops it as a power cut does
//	witness DIR ARG...         starts greffe-witness and waits until it is ready; what it
//	                           wrote goes to DIR.log; at the same port as before, if any.
//	                           quit and crash stop it
//	policy FILE QUORUM DIR...  writes the policy that asks those witnesses: all, any, or how
//	                           many of them; each is named as its folder
//	until CODE PROGRAM ARG...   as exit, again and again until the code is that
//	ended CODE DIR             waits until the daemon of DIR ends by itself, with that code
//	json FILE PATH WANT        wants a value in a JSON file: size, rows.len, rows.0.id
//	same FILE FILE PATH        wants the same value in two JSON files
//	flip FILE OFFSET           flips a bit of the byte there
//	cut FILE SIZE              leaves the first SIZE bytes
//	fill FILE WORD SIZE        writes an event whose text is WORD over and over
//	lines FILE N               wants N lines
//	no-leftovers               wants no temporary file in the script's folder
//	nats NAME                  starts a nats-server of nobody's and sets NAME to its URL
//	port NAME DIR              sets NAME to the port that the daemon of DIR listens on
//
// $STORY is the folder of the worked story.
func RunScripts(t *testing.T, folder string) {
	story, err := filepath.Abs("../../testdata/story")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 folder,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("STORY", story)
			env.Setenv("NO_COLOR", "1")
			env.Values[daemonsKey{}] = daemons{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit": exit, "serve": serve, "quit": quit, "crash": crash,
			"json": jsonValue, "same": same, "flip": flip, "cut": cut, "port": port,
			"witness": startWitness, "policy": policy, "until": until, "ended": ended,
			"fill": fill, "lines": lines, "no-leftovers": noLeftovers, "nats": natsServer,
		},
	})
}

// daemons are the running ones of a script, by folder.
type daemons map[string]*exec.Cmd

type daemonsKey struct{}

func running(ts *testscript.TestScript) daemons { return ts.Value(daemonsKey{}).(daemons) }

// program makes a command that runs in the script's folder with its variables.
func program(ts *testscript.TestScript, name string, args ...string) *exec.Cmd {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, name); runnable(path) {
			name = path
			break
		}
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = os.Environ()
	for _, key := range []string{"PATH", "HOME", "NO_COLOR", "GREFFE_DIR", "TMPDIR", "GOCOVERDIR"} {
		if v := ts.Getenv(key); v != "" {
			cmd.Env = append(cmd.Env, key+"="+v)
		}
	}
	return cmd
}

func runnable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func exit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARG...")
	}
	want := number(ts, args[0])
	var stdin io.Reader
	if file, ok := strings.CutPrefix(args[len(args)-1], "<"); ok {
		stdin = strings.NewReader(ts.ReadFile(file))
		args = args[:len(args)-1]
	}
	var stdout, stderr bytes.Buffer
	cmd := program(ts, args[1], args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		ts.Fatalf("%v", err)
	}
	write(ts, "out", stdout.Bytes())
	write(ts, "err", stderr.Bytes())
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", got, want, &stdout, &stderr)
	}
	if want == 1 || want == 2 {
		if err := clear(args[1], stderr.String()); err != nil {
			ts.Fatalf("%v\n%s", err, &stderr)
		}
	}
}

// clear holds what a program says to one line of error and at most one of hint, in the
// style of all programs: who speaks first, no full stop last. Warnings may come before.
func clear(name, said string) error {
	lines := strings.Split(strings.TrimSuffix(said, "\n"), "\n")
	for len(lines) > 0 && strings.HasPrefix(lines[0], name+": warning: ") {
		lines = lines[1:]
	}
	if len(lines) < 1 || len(lines) > 2 || len(lines) == 2 && !strings.HasPrefix(lines[1], name+": hint: ") {
		return fmt.Errorf("not one line of error and at most one of hint")
	}
	if !strings.HasPrefix(lines[0], name+": error: ") {
		return fmt.Errorf("the error does not begin with %q", name+": error: ")
	}
	if strings.HasSuffix(lines[len(lines)-1], ".") {
		return fmt.Errorf("the last line ends with a full stop")
	}
	return nil
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: serve DIR [ARG...]")
	}
	dir := args[0]
	log, err := os.OpenFile(ts.MkAbs(dir+".log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	words := append([]string{"serve", "--dir", dir}, args[1:]...)
	if !strings.Contains(strings.Join(words, " "), "--nats-port") {
		words = append(words, "--nats-port", "-1")
	}
	if !strings.Contains(strings.Join(words, " "), "--http") {
		words = append(words, "--http", "127.0.0.1:0")
	}
	cmd := program(ts, "greffed", words...)
	cmd.Stdout, cmd.Stderr = log, log
	ts.Check(cmd.Start())
	running(ts)[dir] = cmd
	ts.Defer(func() { end(cmd, syscall.SIGKILL) })
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if info, err := os.ReadFile(ts.MkAbs(filepath.Join(dir, "daemon.json"))); err == nil && bytes.Contains(info, fmt.Appendf(nil, `"pid": %d,`, cmd.Process.Pid)) {
			return
		}
		if time.Now().After(until) || syscall.Kill(cmd.Process.Pid, 0) != nil || zombie(cmd.Process.Pid) {
			ts.Fatalf("the daemon of %s is not ready:\n%s", dir, ts.ReadFile(dir+".log"))
		}
	}
}

// startWitness starts greffe-witness. Its policy line stands in its log.
func startWitness(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: witness DIR [ARG...]")
	}
	dir, listen := args[0], "127.0.0.1:0"
	if before, err := os.ReadFile(ts.MkAbs(dir + ".log")); err == nil {
		if m := policyLine.FindSubmatch(before); m != nil {
			listen = string(m[2])
		}
	}
	log, err := os.OpenFile(ts.MkAbs(dir+".log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	cmd := program(ts, "greffe-witness", append([]string{"--dir", dir, "--listen", listen}, args[1:]...)...)
	cmd.Stdout, cmd.Stderr = log, log
	ts.Check(cmd.Start())
	running(ts)[dir] = cmd
	ts.Defer(func() { end(cmd, syscall.SIGKILL) })
	for until := time.Now().Add(patience); !strings.Contains(ts.ReadFile(dir+".log"), "ready (pid "); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) || zombie(cmd.Process.Pid) {
			ts.Fatalf("the witness of %s is not ready:\n%s", dir, ts.ReadFile(dir+".log"))
		}
	}
}

// policyLine is the line that a witness prints: its key and where it listens.
var policyLine = regexp.MustCompile(`(?m)^witness \S+ (\S+) http://(\S+)$`)

func policy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: policy FILE QUORUM DIR...")
	}
	var b bytes.Buffer
	for _, dir := range args[2:] {
		m := policyLine.FindStringSubmatch(ts.ReadFile(dir + ".log"))
		if m == nil {
			ts.Fatalf("the witness of %s has printed no line for a policy:\n%s", dir, ts.ReadFile(dir+".log"))
		}
		fmt.Fprintf(&b, "witness %s %s http://%s\n", dir, m[1], m[2])
	}
	fmt.Fprintf(&b, "group quorum %s %s\nquorum quorum\n", args[1], strings.Join(args[2:], " "))
	write(ts, args[0], b.Bytes())
}

// until runs a program until it exits as wanted.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until CODE PROGRAM ARG...")
	}
	want := number(ts, args[0])
	for last := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		out, err := program(ts, args[1], args[2:]...).CombinedOutput()
		code := 0
		if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
			code = failed.ExitCode()
		}
		if code == want {
			return
		}
		if time.Now().After(last) {
			ts.Fatalf("exit code %d, want %d:\n%s", code, want, out)
		}
	}
}

// ended waits for a daemon that ends by itself.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || running(ts)[args[1]] == nil {
		ts.Fatalf("usage: ended CODE DIR, of a running daemon")
	}
	cmd := running(ts)[args[1]]
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer timer.Stop()
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != number(ts, args[0]) {
		ts.Fatalf("exit code %d, want %s:\n%s", got, args[0], ts.ReadFile(args[1]+".log"))
	}
}

// zombie reports whether a child has ended and nobody has waited for it.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && bytes.Contains(stat, []byte(") Z "))
}

// end stops a process that may have ended already, and waits for it.
func end(cmd *exec.Cmd, signal syscall.Signal) error {
	if cmd.ProcessState != nil {
		return nil
	}
	if err := cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer timer.Stop()
	return cmd.Wait()
}

func quit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || running(ts)[args[0]] == nil {
		ts.Fatalf("usage: quit DIR, of a running daemon")
	}
	if err := end(running(ts)[args[0]], syscall.SIGTERM); err != nil {
		ts.Fatalf("the daemon of %s ended with %v:\n%s", args[0], err, ts.ReadFile(args[0]+".log"))
	}
	if _, err := os.Stat(ts.MkAbs(filepath.Join(args[0], "daemon.json"))); err == nil {
		ts.Fatalf("daemon.json says that a daemon runs in %s", args[0])
	}
}

func crash(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || running(ts)[args[0]] == nil {
		ts.Fatalf("usage: crash DIR, of a running daemon")
	}
	if err := end(running(ts)[args[0]], syscall.SIGKILL); err == nil {
		ts.Fatalf("the daemon of %s had ended by itself", args[0])
	}
}

func jsonValue(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH WANT")
	}
	if got := jsonAt(ts, args[0], args[1]); (got == args[2]) == neg {
		ts.Fatalf("%s is %s, want %s", args[1], got, args[2])
	}
}

func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: same FILE FILE PATH")
	}
	if a, b := jsonAt(ts, args[0], args[2]), jsonAt(ts, args[1], args[2]); (a == b) == neg {
		ts.Fatalf("%s is %s in %s, and %s in %s", args[2], a, args[0], b, args[1])
	}
}

// jsonAt returns the value at a path in a JSON file.
func jsonAt(ts *testscript.TestScript, file, path string) string {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
	dec.UseNumber()
	var v any
	ts.Check(dec.Decode(&v))
	for _, step := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			value, ok := x[step]
			if !ok {
				ts.Fatalf("%s: no %s in\n%s", path, step, ts.ReadFile(file))
			}
			v = value
		case []any:
			if step == "len" {
				v = len(x)
				break
			}
			i := number(ts, step)
			if i < 0 || i >= len(x) {
				ts.Fatalf("%s: no element %d of %d", path, i, len(x))
			}
			v = x[i]
		default:
			ts.Fatalf("%s: %v has no %s", path, v, step)
		}
	}
	return fmt.Sprint(v)
}

func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET")
	}
	b := []byte(ts.ReadFile(args[0]))
	b[number(ts, args[1])] ^= 1
	write(ts, args[0], b)
}

func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cut FILE SIZE")
	}
	write(ts, args[0], []byte(ts.ReadFile(args[0])[:number(ts, args[1])]))
}

func port(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: port NAME DIR")
	}
	m := regexp.MustCompile(`127\.0\.0\.1:(\d+)`).FindStringSubmatch(ts.ReadFile(filepath.Join(args[1], "daemon.json")))
	if m == nil {
		ts.Fatalf("%s/daemon.json names no port", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// natsServer runs the real program: what a user has.
func natsServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: nats NAME")
	}
	cmd := program(ts, "nats-server", "-js", "-sd", "jetstream", "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", ts.MkAbs("."), "-l", ts.MkAbs("nats.log"))
	ts.Check(cmd.Start())
	ts.Defer(func() { end(cmd, syscall.SIGKILL) })
	ports := ts.MkAbs(fmt.Sprintf("nats-server_%d.ports", cmd.Process.Pid))
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(ports)
		if err != nil {
			continue
		}
		var listening struct{ Nats []string }
		if json.Unmarshal(text, &listening) == nil && len(listening.Nats) > 0 {
			ts.Setenv(args[0], listening.Nats[0])
			return
		}
	}
	ts.Fatalf("nats-server is not ready")
}

func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: fill FILE WORD SIZE")
	}
	text := strings.Repeat(args[1], number(ts, args[2])/len(args[1]))
	write(ts, args[0], fmt.Appendf(nil, `{"specversion":"1.0","id":"01KE6PYK002YEXB9WPE91PSS5F","source":"t","type":"measure.adopted.v1",`+
		`"subject":"measure/TOM-99","time":"2026-11-23T10:00:00Z","recordedat":"2026-11-23T10:00:00Z","data":{"text":%q}}`, text))
}

func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines FILE N")
	}
	if got := strings.Count(ts.ReadFile(args[0]), "\n"); got != number(ts, args[1]) {
		ts.Fatalf("%s has %d lines, want %s", args[0], got, args[1])
	}
}

func noLeftovers(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs("."))
	ts.Check(err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".b.") || strings.HasPrefix(e.Name(), ".new.") || strings.HasSuffix(e.Name(), ".tmp") && e.Name() != ".tmp" {
			ts.Fatalf("%s was left behind", e.Name())
		}
	}
	if neg || len(args) > 0 {
		ts.Fatalf("usage: no-leftovers")
	}
}

func write(ts *testscript.TestScript, name string, data []byte) {
	ts.Check(os.WriteFile(ts.MkAbs(name), data, 0o600))
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}
