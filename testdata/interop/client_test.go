package interop_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// A remote is all that a client is told of a log.
type remote struct {
	url  string // ends with a slash
	vkey string // verification key; its name is the origin of the checkpoints
}

// verifier returns the log's verifier.
func (r remote) verifier() note.Verifier {
	v, err := note.NewVerifier(r.vkey)
	if err != nil {
		panic(err) // greffed wrote it
	}
	return v
}

// A client is somebody else's program that follows a log.
type client struct {
	name string
	// follow verifies the newest checkpoint, what it covers, and that it continues
	// the tree of an earlier checkpoint, if one is given. It returns the checkpoint.
	follow func(ctx context.Context, log remote, since []byte) ([]byte, error)
	// remembers says whether an earlier checkpoint means anything to it.
	remembers bool
}

var clients = []client{
	{"sumdb", followWithSumdb, true},
	{"torchwood", followWithTorchwood, true},
	{"tessera client", followWithTessera, true},
	{"tessera fsck", followWithFsck, false},
}

// spread picks entries of a log: both ends, the first of the open tile, and the first
// of every eighth tile. None is proved by its own hash alone: if a byte of the tile
// changes, one of the proofs breaks.
func spread(size uint64) []uint64 {
	picked := []uint64{size - 1, (size - 1) / 256 * 256}
	for seq := uint64(0); seq < size; seq += 8 * 256 {
		picked = append(picked, seq)
	}
	return picked
}

// earlier picks sizes that the log once had.
func earlier(size uint64) []uint64 {
	return []uint64{1, size/3 + 1, (size-1)/256*256 + 1, size}
}

// get fetches what must be there.
func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return body, err
}

// sizeOf reads the size in a checkpoint, whoever signed it.
func sizeOf(checkpoint []byte) uint64 {
	lines := strings.SplitN(string(checkpoint), "\n", 3)
	if len(lines) < 3 {
		return 0
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil {
		return 0
	}
	return size
}
