package witness

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"greffe/ledger/chain"
)

// maxRequest bounds the body of a request: a note, and a line for each hash of a proof.
const maxRequest = chain.MaxCheckpoint + (chain.MaxProof+2)*48

// errRequest means a body that is none of tlog-witness.
var errRequest = errors.New("malformed request")

// A request is the body of add-checkpoint.
type request struct {
	old   uint64       // size that the proof starts from
	proof []chain.Hash // at most chain.MaxProof
	note  []byte       // not looked at
}

// append writes the body.
func (r *request) append(dst []byte) []byte {
	dst = fmt.Appendf(dst, "old %d\n", r.old)
	for _, h := range r.proof {
		dst = append(base64.StdEncoding.AppendEncode(dst, h[:]), '\n')
	}
	return append(append(dst, '\n'), r.note...)
}

// parseRequest reads a body. It accepts exactly what append writes.
func parseRequest(body []byte) (r request, err error) {
	head, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok || len(body) > maxRequest {
		return r, fmt.Errorf("%w: an old size, a proof, an empty line, a checkpoint", errRequest)
	}
	lines := strings.Split(string(head), "\n")
	if r.old, ok = cutSize(lines[0], "old "); !ok {
		return r, fmt.Errorf("%w: line 1 is not \"old SIZE\"", errRequest)
	}
	if len(lines)-1 > chain.MaxProof {
		return r, fmt.Errorf("%w: more than %d hashes", errRequest, chain.MaxProof)
	}
	for i, line := range lines[1:] {
		h, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(h) != len(chain.Hash{}) || len(line) != 44 {
			return r, fmt.Errorf("%w: line %d is not a hash in base64", errRequest, i+2)
		}
		r.proof = append(r.proof, chain.Hash(h))
	}
	r.note = signed
	return r, nil
}

// cutSize reads a size after a prefix, in its one spelling.
func cutSize(line, prefix string) (size uint64, ok bool) {
	digits, ok := strings.CutPrefix(line, prefix)
	size, err := strconv.ParseUint(digits, 10, 64)
	return size, ok && err == nil && size <= math.MaxInt64 && strconv.FormatUint(size, 10) == digits
}

// originOf returns the first line of a note, not verified.
func originOf(signed []byte) string {
	origin, _, _ := bytes.Cut(signed, []byte("\n"))
	return string(origin)
}
