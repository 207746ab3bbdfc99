package interop_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// followWithSumdb proves a spread of entries, and the consistency of earlier sizes, by
// the package behind Go's checksum database.
func followWithSumdb(ctx context.Context, log remote, since []byte) ([]byte, error) {
	text, err := get(ctx, log.url+"checkpoint")
	if err != nil {
		return nil, err
	}
	tree, err := openTree(text, log)
	if err != nil {
		return nil, err
	}
	tiles := newSumdbTiles(ctx, log)
	hashes := tlog.TileHashReader(tree, tiles)
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil || root != tree.Hash {
		return nil, fmt.Errorf("the tiles have root %v, the checkpoint %v: %w", root, tree.Hash, err)
	}
	for _, seq := range spread(uint64(tree.N)) {
		if err := tiles.prove(tree, hashes, int64(seq)); err != nil {
			return nil, fmt.Errorf("entry %d: %w", seq, err)
		}
	}
	for _, size := range earlier(uint64(tree.N)) {
		root, err := tlog.TreeHash(int64(size), hashes)
		if err == nil {
			err = continues(tree, tlog.Tree{N: int64(size), Hash: root}, hashes)
		}
		if err != nil {
			return nil, fmt.Errorf("from size %d: %w", size, err)
		}
	}
	if since != nil {
		old, err := openTree(since, log)
		if err == nil {
			err = continues(tree, old, hashes)
		}
		if err != nil {
			return nil, fmt.Errorf("from the checkpoint of size %d: %w", old.N, err)
		}
	}
	return text, nil
}

// openTree opens a checkpoint. The checksum database's own are of another form, so its
// package reads the signature and the hash only.
func openTree(text []byte, log remote) (tlog.Tree, error) {
	signed, err := note.Open(text, note.VerifierList(log.verifier()))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != log.verifier().Name() {
		return tlog.Tree{}, errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

// continues proves that a tree begins with an older one.
func continues(tree, old tlog.Tree, hashes tlog.HashReader) error {
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

// sumdbTiles reads tiles over HTTP for package tlog, and keeps those that it has verified.
type sumdbTiles struct {
	ctx      context.Context
	log      remote
	verified map[tlog.Tile][]byte
}

func newSumdbTiles(ctx context.Context, log remote) *sumdbTiles {
	return &sumdbTiles{ctx: ctx, log: log, verified: map[tlog.Tile][]byte{}}
}

func (s *sumdbTiles) Height() int { return 8 }

func (s *sumdbTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, ok := s.verified[tile]
		if !ok {
			var err error
			// The checksum database writes the height first: tile/8/0/… and tile/8/data/…
			path := strings.Replace(tile.Path(), "tile/8/data/", "tile/8/entries/", 1)
			data, err = get(s.ctx, s.log.url+"tile/"+strings.TrimPrefix(path, "tile/8/"))
			if err != nil {
				return nil, err
			}
		}
		all = append(all, data)
	}
	return all, nil
}

func (s *sumdbTiles) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		s.verified[tile] = data[i]
	}
}

// prove reads an entry and proves that it is in the tree.
func (s *sumdbTiles) prove(tree tlog.Tree, hashes tlog.HashReader, seq int64) error {
	proof, err := tlog.ProveRecord(tree.N, seq, hashes)
	if err != nil {
		return err
	}
	bundle := tlog.Tile{H: 8, L: -1, N: seq / 256, W: int(min(256, tree.N-seq/256*256))}
	data, err := s.ReadTiles([]tlog.Tile{bundle})
	if err != nil {
		return err
	}
	entry, err := cutEntry(data[0], int(seq%256))
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, seq, tlog.RecordHash(entry))
}

// cutEntry returns the i-th entry of a bundle: each is preceded by its length as u16.
func cutEntry(bundle []byte, i int) ([]byte, error) {
	for ; ; i-- {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return nil, errors.New("the bundle is cut short")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		if i == 0 {
			return bundle[2:end], nil
		}
		bundle = bundle[end:]
	}
}
