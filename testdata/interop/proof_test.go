package interop_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// proved: the .tlog-proof that greffe writes is one for torchwood's verifier, and byte for
// byte what torchwood writes from our tiles.
func proved(t *testing.T, d *daemon) {
	for _, i := range []int{1, 4711, logSize - 1} {
		file := filepath.Join(t.TempDir(), "event.tlog-proof")
		out, err := exec.Command(filepath.Join(d.bin, "greffe"), "--dir", d.dir, "prove", eventID(i), "-f", file).CombinedOutput()
		if err != nil {
			t.Fatalf("greffe prove: %v\n%s", err, out)
		}
		text, err := os.ReadFile(file)
		if err == nil {
			err = checkProof(t, d.remote, text, eventID(i))
		}
		if err != nil {
			t.Errorf("event %s: %v\n%s", eventID(i), err, text)
		}
	}
}

// checkProof holds a proof file of an event against the log's key and tiles. Its extra
// data is the record (FORMAT §5.3): u16 header length, header, u8 present, payload.
func checkProof(t *testing.T, log remote, text []byte, id string) error {
	extra, err := torchwood.ProofExtraData(text)
	if err != nil {
		return err
	}
	header, err := cutEntry(extra, 0)
	if err != nil {
		return err
	}
	payload, ok := bytes.CutPrefix(extra[2+len(header):], []byte{1})
	if digest := sha256.Sum256(payload); !ok || !bytes.Equal(header[62:94], digest[:]) {
		return errors.New("the payload is not that of the header")
	}
	if want := ulid(id); !bytes.Equal(header[98:114], want) {
		return fmt.Errorf("it is of event %x, want %x", header[98:114], want)
	}
	policy, err := torchwood.ParsePolicy(fmt.Appendf(nil, "log %s\nquorum none\n", log.vkey))
	if err != nil {
		return err
	}
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(header), text); err != nil {
		return err
	}
	if err := refusesEveryBit(policy, header, text); err != nil {
		return err
	}
	_, checkpoint, _ := bytes.Cut(text, []byte("\n\n"))
	tree, err := openTree(checkpoint, log)
	if err != nil {
		return err
	}
	seq := int64(binary.BigEndian.Uint64(header[2:]))
	proof, err := tlog.ProveRecord(tree.N, seq, tlog.TileHashReader(tree, newSumdbTiles(t.Context(), log)))
	if err != nil {
		return err
	}
	if want := torchwood.FormatProofWithExtraData(seq, extra, proof, checkpoint); !bytes.Equal(text, want) {
		return fmt.Errorf("torchwood writes\n%s", want)
	}
	return nil
}

// refusesEveryBit flips the bits of the header one after the other: none of them is proved.
func refusesEveryBit(policy torchwood.Policy, header, text []byte) error {
	for bit := range len(header) * 8 {
		other := bytes.Clone(header)
		other[bit/8] ^= 1 << (bit % 8)
		var refused *torchwood.VerifyRecordError
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(other), text); !errors.As(err, &refused) {
			return fmt.Errorf("with bit %d of %s flipped: %v", bit, hex.EncodeToString(header), err)
		}
	}
	return nil
}

// ulid decodes Crockford's base 32.
func ulid(id string) []byte {
	n := new(big.Int)
	for _, c := range id {
		digit := strings.IndexRune("0123456789ABCDEFGHJKMNPQRSTVWXYZ", c)
		n.Add(n.Lsh(n, 5), big.NewInt(int64(digit)))
	}
	return n.FillBytes(make([]byte, 16))
}
