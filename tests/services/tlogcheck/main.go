// tlogcheck holds a log directory in the public tile format, and receipts, to Go's own packages
// golang.org/x/mod/sumdb/note and golang.org/x/mod/sumdb/tlog, which know nothing of the program under test.
//
//	tlogcheck log DIR VKEY-FILE [CHECKPOINT-FILE ...]    the whole log, and that it extends the checkpoints
//	tlogcheck receipt RECEIPT-FILE ENTRY-FILE VKEY-FILE  one entry
//
// Exit status 0: verified. 1: refused, with the reason on standard error.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height, width = 8, 1 << 8

func main() {
	err := fmt.Errorf("usage: tlogcheck version | log DIR VKEY-FILE [CHECKPOINT-FILE ...] | receipt RECEIPT ENTRY VKEY-FILE")
	switch {
	case len(os.Args) == 2 && os.Args[1] == "version":
		fmt.Println("0.29.0") // of golang.org/x/mod
		return
	case len(os.Args) >= 4 && os.Args[1] == "log":
		err = checkLog(os.Args[2], os.Args[3], os.Args[4:])
	case len(os.Args) == 5 && os.Args[1] == "receipt":
		err = checkReceipt(os.Args[2], os.Args[3], os.Args[4])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}

func checkLog(dir, vkeyFile string, elsewhere []string) error {
	verifier, err := readVerifier(vkeyFile)
	if err != nil {
		return err
	}
	tree, err := readCheckpoint(filepath.Join(dir, "checkpoint"), verifier)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, directory(dir))
	for first := int64(0); first < tree.N; first += width {
		if err := checkBundle(dir, tree, hashes, first); err != nil {
			return err
		}
	}
	if root, err := tlog.TreeHash(tree.N, hashes); err != nil || root != tree.Hash {
		return fmt.Errorf("root: %v", err)
	}
	for _, file := range elsewhere {
		if err := checkExtends(file, verifier, tree, hashes); err != nil {
			return err
		}
	}
	fmt.Printf("verified %d entries, root %v\n", tree.N, tree.Hash)
	return nil
}

// checkBundle compares the entries of one bundle with leaf hashes that TileHashReader has led to the signed root.
func checkBundle(dir string, tree tlog.Tree, hashes tlog.HashReader, first int64) error {
	count := min(width, tree.N-first)
	data, err := readTile(dir, "entries", first/width, count)
	if err != nil {
		return err
	}
	indexes := make([]int64, count)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
	}
	stored, err := hashes.ReadHashes(indexes)
	if err != nil {
		return err
	}
	for i := range stored {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return fmt.Errorf("entry %d: the bundle ends", first+int64(i))
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		if tlog.RecordHash(data[2:end]) != stored[i] {
			return fmt.Errorf("entry %d: not what the tiles say", first+int64(i))
		}
		data = data[end:]
	}
	if len(data) > 0 && count == width {
		return fmt.Errorf("bundle at %d: longer than a bundle", first)
	}
	return nil
}

func checkExtends(file string, verifier note.Verifier, tree tlog.Tree, hashes tlog.HashReader) error {
	old, err := readCheckpoint(file, verifier)
	if err != nil {
		return err
	}
	if old.N > tree.N {
		return fmt.Errorf("%s covers %d entries, the log has %d", file, old.N, tree.N)
	}
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

// checkReceipt reads a c2sp.org/tlog-proof@v1 and leaves its judgement to note.Open and tlog.CheckRecord.
func checkReceipt(receiptFile, entryFile, vkeyFile string) error {
	verifier, err := readVerifier(vkeyFile)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(receiptFile)
	if err != nil {
		return err
	}
	entry, err := os.ReadFile(entryFile)
	if err != nil {
		return err
	}
	head, signed, _ := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("not a tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	tree, err := openCheckpoint(signed, verifier)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

func readVerifier(file string) (note.Verifier, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return note.NewVerifier(strings.TrimSpace(string(data)))
}

func readCheckpoint(file string, verifier note.Verifier) (tlog.Tree, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return tlog.Tree{}, err
	}
	return openCheckpoint(data, verifier)
}

func openCheckpoint(data []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(hash) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("root is not 32 bytes")
	}
	tree := tlog.Tree{N: size, Hash: tlog.Hash(hash)}
	if empty, _ := tlog.TreeHash(0, nil); size == 0 && tree.Hash != empty {
		return tlog.Tree{}, fmt.Errorf("size 0 with another root than the empty tree's")
	}
	return tree, nil
}

// directory reads tiles as TileHashReader asks for them; it checks none.
type directory string

func (d directory) Height() int { return height }

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		data, err := readTile(string(d), strconv.Itoa(tile.L), tile.N, int64(tile.W))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %d/%d: %d bytes", tile.L, tile.N, len(data))
		}
		read = append(read, data)
	}
	return read, nil
}

func (d directory) SaveTiles([]tlog.Tile, [][]byte) {}

// readTile reads tile/<kind>/<N>[.p/<W>] (C2SP tlog-tiles); the go.sum database's own paths have the height besides.
func readTile(dir, kind string, n, w int64) ([]byte, error) {
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if w < width {
		path = fmt.Sprintf("%s.p/%d", path, w)
	}
	return os.ReadFile(filepath.Join(dir, "tile", kind, filepath.FromSlash(path)))
}
