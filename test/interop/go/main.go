// Command readlog reads a tiled transparency log over HTTP with Go's own log libraries, and checks all of it:
// checkpoints with golang.org/x/mod/sumdb/note, tiles, inclusion and consistency with golang.org/x/mod/sumdb/tlog.
//
//	readlog <URL of the log> <verifier key> [file of an older checkpoint ...]
//
// It prints what it found as one line of JSON, and fails if anything does not fit.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8 // tlog-tiles: tiles are 8 levels high
	width  = 1 << height
)

// findings is what the program prints. The log's test compares it with what another reader has found.
type findings struct {
	Origin       string   `json:"origin"`
	Size         int64    `json:"size"`
	Root         string   `json:"root"`
	Proven       int64    `json:"proven"`       // entries with a checked inclusion proof
	Statements   int64    `json:"statements"`   // entries that are the hash of a statement in the statement bundles
	StateEntries int64    `json:"stateEntries"` // the others
	Consistent   []string `json:"consistent"`   // "older-newer", each with a checked proof
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: readlog URL VERIFIER-KEY [CHECKPOINT-FILE...]")
	}
	found, err := read(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		log.Fatal(err)
	}
}

func read(url, key string, older []string) (*findings, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil, err
	}
	site := &site{url: url, client: &http.Client{Timeout: 20 * time.Second}}
	text, err := site.get("checkpoint")
	if err != nil {
		return nil, err
	}
	tree, err := open(text, verifier)
	if err != nil {
		return nil, err
	}
	hashes := tlog.TileHashReader(tree, site)
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return nil, err
	}
	if root != tree.Hash {
		return nil, errors.New("the tiles do not hash to the root of the checkpoint")
	}
	found := &findings{Origin: verifier.Name(), Size: tree.N, Root: hex.EncodeToString(root[:])}
	if err := readEntries(site, tree, hashes, found); err != nil {
		return nil, err
	}
	return found, readHistory(older, verifier, tree, hashes, found)
}

// open checks a checkpoint's signature and reads its three lines.
func open(text []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, fmt.Errorf("not a size: %q", lines[1])
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("not a root: %q", lines[2])
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree, nil
}

// readEntries proves every entry, from its own bytes up to the root.
func readEntries(site *site, tree tlog.Tree, hashes tlog.HashReader, found *findings) error {
	for first := int64(0); first < tree.N; first += width {
		count := tree.N - first
		if count > width {
			count = width
		}
		entries, err := site.bundle("entries", first/width, int(count), 2)
		if err != nil {
			return err
		}
		statements, err := site.bundle("statements", first/width, int(count), 4)
		if err != nil {
			return err
		}
		for i, entry := range entries {
			id := first + int64(i)
			leaf := tlog.RecordHash(entry)
			stored, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, id)})
			if err != nil {
				return err
			}
			if stored[0] != leaf {
				return fmt.Errorf("entry %d does not hash to its leaf in the tile", id)
			}
			proof, err := tlog.ProveRecord(tree.N, id, hashes)
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, id, leaf); err != nil {
				return fmt.Errorf("entry %d: %w", id, err)
			}
			if tlog.CheckRecord(proof, tree.N, tree.Hash, id, tlog.RecordHash(append(entry, 0))) == nil {
				return fmt.Errorf("entry %d: its proof fits another entry", id)
			}
			found.Proven++
			if len(statements[i]) == 0 {
				if len(entry) <= sha256.Size {
					return fmt.Errorf("entry %d is as short as an entry id, and has no statement", id)
				}
				found.StateEntries++
				continue
			}
			if digest := sha256.Sum256(statements[i]); !bytes.Equal(digest[:], entry) {
				return fmt.Errorf("entry %d is not the hash of its statement", id)
			}
			found.Statements++
		}
	}
	return nil
}

// readHistory proves that the tree of each older checkpoint became that of the next, and that of the newest.
func readHistory(older []string, verifier note.Verifier, tree tlog.Tree, hashes tlog.HashReader, found *findings) error {
	var trees []tlog.Tree
	for _, name := range older {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		past, err := open(text, verifier)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		trees = append(trees, past)
	}
	trees = append(trees, tree)
	for i, past := range trees {
		for _, next := range trees[i+1:] {
			proof, err := tlog.ProveTree(next.N, past.N, hashes)
			if err != nil {
				return err
			}
			if err := tlog.CheckTree(proof, next.N, next.Hash, past.N, past.Hash); err != nil {
				return fmt.Errorf("%d to %d: %w", past.N, next.N, err)
			}
			wrong := past.Hash
			wrong[0] ^= 1
			if tlog.CheckTree(proof, next.N, next.Hash, past.N, wrong) == nil {
				return fmt.Errorf("%d to %d: the proof fits another root", past.N, next.N)
			}
			found.Consistent = append(found.Consistent, fmt.Sprintf("%d-%d", past.N, next.N))
		}
	}
	return nil
}

// site is the log's HTTP site, and a tlog.TileReader over it.
type site struct {
	url    string
	client *http.Client
}

func (s *site) get(path string) ([]byte, error) {
	answer, err := s.client.Get(s.url + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func (s *site) Height() int { return height }

// ReadTiles fetches hash tiles. TileHashReader checks them against the root before it uses them.
func (s *site) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		// The checksum database has the height in the path, tlog-tiles has not.
		path := "tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
		bytes, err := s.get(path)
		if err != nil {
			return nil, err
		}
		if len(bytes) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", path, len(bytes))
		}
		data[i] = bytes
	}
	return data, nil
}

func (s *site) SaveTiles([]tlog.Tile, [][]byte) {}

// bundle fetches a bundle of entries or statements, each behind its length in so many bytes.
func (s *site) bundle(kind string, n int64, count, prefix int) ([][]byte, error) {
	// Level -1 is the checksum database's "data"; its number and width are written as those of any other tile.
	tile := tlog.Tile{H: height, L: -1, N: n, W: count}
	path := "tile/" + kind + "/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/data/", height))
	rest, err := s.get(path)
	if err != nil {
		return nil, err
	}
	var items [][]byte
	for len(rest) > 0 {
		if len(rest) < prefix {
			return nil, fmt.Errorf("%s ends in a length", path)
		}
		length := int(binary.BigEndian.Uint32(append(make([]byte, 4-prefix, 4), rest[:prefix]...)))
		rest = rest[prefix:]
		if len(rest) < length {
			return nil, fmt.Errorf("%s ends in an item", path)
		}
		items = append(items, rest[:length:length])
		rest = rest[length:]
	}
	if len(items) != count {
		return nil, fmt.Errorf("%s has %d items, not %d", path, len(items), count)
	}
	return items, nil
}
