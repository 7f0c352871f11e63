// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

const (
	magic       = "HIVEBACK"
	version     = 1
	maxManifest = 64 << 10
	maxSealed   = 1 << 20
	saltLen     = 16
)

// MinPassphrase is the length in bytes below which a passphrase is refused.
const MinPassphrase = 12

// Errors of Write and Read.
var (
	// ErrDamaged is a file that is no backup, cut short or changed.
	ErrDamaged = errors.New("backup file is damaged or no backup")
	// ErrPassphrase is a passphrase that does not open the file, or a sealed part that was changed.
	ErrPassphrase = errors.New("the passphrase does not open this backup")
	// ErrWeak is a passphrase that is too short.
	ErrWeak = fmt.Errorf("a passphrase needs %d bytes or more", MinPassphrase)
	// ErrVersion is a file of a version that this program does not know.
	ErrVersion = errors.New("backup of an unknown version")
)

// Cost is what one guess at the passphrase costs.
type Cost struct {
	Time      uint32 `json:"time"`
	MemoryKiB uint32 `json:"memoryKiB"`
	Threads   uint8  `json:"threads"`
}

// DefaultCost is the second recommendation of RFC 9106: 64 MiB, three passes, four lanes.
var DefaultCost = Cost{Time: 3, MemoryKiB: 64 << 10, Threads: 4}

// valid bounds what a file may ask of the reader.
func (c Cost) valid() bool {
	return c.Time >= 1 && c.Time <= 3 && c.MemoryKiB >= 8 && c.MemoryKiB <= 64<<10 && c.Threads >= 1 && c.Threads <= 4
}

// Manifest says in the clear what a backup is of.
type Manifest struct {
	Created     time.Time `json:"created"`
	Hive        string    `json:"hive"` // version of the program that wrote it
	ClusterID   string    `json:"clusterId"`
	Region      string    `json:"region"`
	AZ          string    `json:"az"`   // of the node below
	Node        string    `json:"node"` // that wrote it
	FormatLevel int       `json:"formatLevel"`
	Index       uint64    `json:"index"`     // last log entry in it
	StateHash   string    `json:"stateHash"` // hex
	Seal        Seal      `json:"seal"`
}

// Seal is what opens the sealed part together with the passphrase.
type Seal struct {
	Cost  Cost   `json:"argon2id"`
	Salt  []byte `json:"salt"`
	Nonce []byte `json:"nonce"`
}

// Secrets is what the state alone cannot give back: files by their path below the node's data directory.
type Secrets struct {
	Files map[string][]byte `json:"files"`
}

// Options are the rest of what Write needs.
type Options struct {
	Cost   Cost      // zero: DefaultCost
	Random io.Reader // nil: crypto/rand
}

// Write writes a backup. The snapshot must have exactly size bytes.
func Write(w io.Writer, m Manifest, s Secrets, passphrase []byte, snapshot io.Reader, size int64, o Options) error {
	if len(passphrase) < MinPassphrase {
		return ErrWeak
	}
	if o.Cost == (Cost{}) {
		o.Cost = DefaultCost
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	m.Seal = Seal{Cost: o.Cost, Salt: make([]byte, saltLen), Nonce: make([]byte, chacha20poly1305.NonceSizeX)}
	for _, b := range [][]byte{m.Seal.Salt, m.Seal.Nonce} {
		if _, err := io.ReadFull(o.Random, b); err != nil {
			return fmt.Errorf("write backup: %w", err)
		}
	}
	head, sealed, err := headOf(m, s, passphrase)
	if err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	sum := sha256.New()
	out := io.MultiWriter(w, sum)
	head = append(head, sealed...)
	head = binary.BigEndian.AppendUint64(head, uint64(size))
	if _, err := out.Write(head); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if n, err := io.Copy(out, snapshot); err != nil {
		return fmt.Errorf("write snapshot into backup: %w", err)
	} else if n != size {
		return fmt.Errorf("write snapshot into backup: it has %d bytes, announced were %d", n, size)
	}
	if _, err := w.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return nil
}

// headOf is everything up to and with the length of the sealed part, and the sealed part.
func headOf(m Manifest, s Secrets, passphrase []byte) (head, sealed []byte, err error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, nil, err
	}
	plain, err := json.Marshal(s)
	if err != nil {
		return nil, nil, err
	}
	defer clear(plain)
	length := len(plain) + chacha20poly1305.Overhead
	if len(text) > maxManifest || length > maxSealed {
		return nil, nil, fmt.Errorf("manifest of %d and sealed part of %d bytes are more than the format holds", len(text), length)
	}
	head = binary.BigEndian.AppendUint16([]byte(magic), version)
	head = binary.BigEndian.AppendUint32(head, uint32(len(text)))
	head = append(head, text...)
	head = binary.BigEndian.AppendUint32(head, uint32(length))
	aead, err := cipherOf(m.Seal, passphrase)
	if err != nil {
		return nil, nil, err
	}
	return head, aead.Seal(nil, m.Seal.Nonce, plain, head), nil
}

// Backup is an opened file whose snapshot is still to be read.
type Backup struct {
	Manifest Manifest

	head   []byte // the additional data of the sealed part
	sealed []byte
	body   *body
}

// Open reads everything before the snapshot.
func Open(r io.Reader) (*Backup, error) {
	sum := sha256.New()
	in := io.TeeReader(r, sum)
	b := &Backup{}
	fixed, err := take(in, len(magic)+6)
	if err != nil {
		return nil, err
	}
	if string(fixed[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: it does not begin with %s", ErrDamaged, magic)
	}
	if v := binary.BigEndian.Uint16(fixed[len(magic):]); v != version {
		return nil, fmt.Errorf("version %d: %w", v, ErrVersion)
	}
	text, err := sized(in, binary.BigEndian.Uint32(fixed[len(magic)+2:]), maxManifest)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b.Manifest); err != nil {
		return nil, fmt.Errorf("%w: manifest: %w", ErrDamaged, err)
	}
	length, err := take(in, 4)
	if err != nil {
		return nil, err
	}
	b.head = bytes.Join([][]byte{fixed, text, length}, nil)
	if b.sealed, err = sized(in, binary.BigEndian.Uint32(length), maxSealed); err != nil {
		return nil, err
	}
	size, err := take(in, 8)
	if err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint64(size)
	if n > 1<<62 {
		return nil, fmt.Errorf("%w: snapshot of %d bytes", ErrDamaged, n)
	}
	b.body = &body{r: r, left: int64(n), sum: sum}
	return b, nil
}

// Snapshot is the snapshot's bytes. It ends with io.EOF only when the whole file was there and its checksum is right.
func (b *Backup) Snapshot() io.Reader { return b.body }

// Secrets opens the sealed part.
func (b *Backup) Secrets(passphrase []byte) (Secrets, error) {
	aead, err := cipherOf(b.Manifest.Seal, passphrase)
	if err != nil {
		return Secrets{}, err
	}
	plain, err := aead.Open(nil, b.Manifest.Seal.Nonce, b.sealed, b.head)
	if err != nil {
		return Secrets{}, ErrPassphrase
	}
	defer clear(plain)
	var s Secrets
	dec := json.NewDecoder(bytes.NewReader(plain))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return Secrets{}, fmt.Errorf("%w: sealed part", ErrDamaged) // the cause could quote a secret
	}
	return s, nil
}

// sealer is the part of an AEAD that is used here.
type sealer interface {
	Seal(dst, nonce, plaintext, additionalData []byte) []byte
	Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error)
}

func cipherOf(s Seal, passphrase []byte) (sealer, error) {
	if !s.Cost.valid() || len(s.Salt) != saltLen || len(s.Nonce) != chacha20poly1305.NonceSizeX {
		return nil, fmt.Errorf("%w: it names costs, a salt or a nonce that no backup has", ErrDamaged)
	}
	key := argon2.IDKey(passphrase, s.Salt, s.Cost.Time, s.Cost.MemoryKiB, s.Cost.Threads, chacha20poly1305.KeySize)
	defer clear(key)
	return chacha20poly1305.NewX(key)
}

// body is the snapshot part and the checksum behind it.
type body struct {
	r    io.Reader
	left int64
	sum  hash.Hash
	end  error // set at the end or the first fault
}

// Read reads.
func (b *body) Read(p []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	if b.left == 0 {
		b.end = b.check()
		return 0, b.end
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.sum.Write(p[:n])
	b.left -= int64(n)
	switch {
	case err == nil, errors.Is(err, io.EOF) && b.left == 0:
		return n, nil // the checksum follows, or is found missing
	case errors.Is(err, io.EOF):
		b.end = fmt.Errorf("%w: %d bytes missing", ErrDamaged, b.left)
	default:
		b.end = fmt.Errorf("read backup: %w", err)
	}
	return n, b.end
}

func (b *body) check() error {
	want := make([]byte, sha256.Size)
	if _, err := io.ReadFull(b.r, want); err != nil {
		return fmt.Errorf("%w: checksum missing", ErrDamaged)
	}
	if !bytes.Equal(b.sum.Sum(nil), want) {
		return fmt.Errorf("%w: wrong checksum", ErrDamaged)
	}
	if n, _ := io.ReadFull(b.r, make([]byte, 1)); n != 0 {
		return fmt.Errorf("%w: bytes after the checksum", ErrDamaged)
	}
	return io.EOF
}

func sized(r io.Reader, n uint32, limit int) ([]byte, error) {
	if int64(n) > int64(limit) {
		return nil, fmt.Errorf("%w: a part of %d bytes where %d are allowed", ErrDamaged, n, limit)
	}
	return take(r, int(n))
}

func take(r io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("%w: cut short", ErrDamaged)
	}
	return b, nil
}
