// Command witness runs transparency-dev's witness, and its client, unchanged.
//
//	witness serve <verifier key of a log>    cosigns the log with an Ed25519 and an ML-DSA-44 key
//	witness feed <URL> <verifier key>        drives another witness: one JSON request a line in, one answer out
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"

	f_note "github.com/transparency-dev/formats/note"
	client "github.com/transparency-dev/witness/client/http"
	"github.com/transparency-dev/witness/config"
	"github.com/transparency-dev/witness/omniwitness"
	"github.com/transparency-dev/witness/persistence/inmemory"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	log.SetFlags(0)
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(os.Args[2])
	case len(os.Args) == 4 && os.Args[1] == "feed":
		err = feed(os.Args[2], os.Args[3])
	default:
		err = errors.New("usage: witness serve VKEY | witness feed URL VKEY")
	}
	if err != nil {
		log.Fatal(err)
	}
}

// listening is the one line that serve prints.
type listening struct {
	URL  string   `json:"url"`
	Keys []string `json:"keys"` // Ed25519, ML-DSA-44
}

func serve(vkey string) error {
	ctx := context.Background()
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	store := inmemory.New()
	known := config.Log{VKey: vkey, Verifier: verifier, Origin: verifier.Name()}
	if err := store.AddLogs(ctx, []config.Log{known}); err != nil {
		return err
	}
	signers, keys, err := newSigners()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	said := listening{URL: "http://" + listener.Addr().String(), Keys: keys}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		return err
	}
	operator := omniwitness.OperatorConfig{WitnessKeys: signers, Logs: store}
	return omniwitness.Main(ctx, operator, store, listener, http.DefaultClient)
}

func newSigners() ([]note.Signer, []string, error) {
	skey, vkey, err := note.GenerateKey(rand.Reader, "ed25519.witness.example")
	if err != nil {
		return nil, nil, err
	}
	if vkey, err = f_note.VKeyToCosignatureV1(vkey); err != nil {
		return nil, nil, err
	}
	ed25519, err := f_note.NewSignerForCosignatureV1(skey)
	if err != nil {
		return nil, nil, err
	}
	pqSkey, pqVkey, err := f_note.GenerateMLDSAKey("mldsa.witness.example")
	if err != nil {
		return nil, nil, err
	}
	mldsa, err := f_note.NewSignerForCosignatureV1(pqSkey)
	if err != nil {
		return nil, nil, err
	}
	return []note.Signer{ed25519, mldsa}, []string{vkey, pqVkey}, nil
}

// request is what feed is to ask for.
type request struct {
	Old        uint64   `json:"old"`
	Proof      [][]byte `json:"proof"`
	Checkpoint string   `json:"checkpoint"`
}

// answer is what it was told. Cosigned: the cosignature verifies over the checkpoint that was asked for.
type answer struct {
	Cosigned bool   `json:"cosigned"`
	Refusal  string `json:"refusal"`
	Size     uint64 `json:"size"`
}

var refusals = map[error]string{
	witness.ErrCheckpointStale:  "stale",
	witness.ErrRootMismatch:     "root mismatch",
	witness.ErrUnknownLog:       "unknown log",
	witness.ErrNoValidSignature: "no valid signature",
	witness.ErrOldSizeInvalid:   "old size invalid",
	witness.ErrInvalidProof:     "invalid proof",
	witness.ErrPushback:         "pushback",
}

func feed(base, vkey string) error {
	verifier, err := f_note.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return err
	}
	at, err := url.Parse(base)
	if err != nil {
		return err
	}
	theirs := client.NewWitness(at, http.DefaultClient)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return err
		}
		if err := out.Encode(ask(theirs, verifier, asked)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func ask(theirs client.Witness, verifier note.Verifier, asked request) answer {
	signatures, size, err := theirs.Update(context.Background(), asked.Old, []byte(asked.Checkpoint), asked.Proof)
	if err != nil {
		for known, name := range refusals {
			if errors.Is(err, known) {
				return answer{Refusal: name, Size: size}
			}
		}
		return answer{Refusal: err.Error()}
	}
	if _, err := note.Open(append([]byte(asked.Checkpoint), signatures...), note.VerifierList(verifier)); err != nil {
		return answer{Refusal: err.Error()}
	}
	return answer{Cosigned: true}
}
