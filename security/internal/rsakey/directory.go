package rsakey

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"mcollective/internal/trust"
	"mcollective/message"
)

// kind is what caller ids of ssl and aes_security begin with.
const kind = "cert="

// CallerID returns the caller id of who has the public key in a file: the name of the
// file without ".pem".
func CallerID(file string) (string, error) {
	return CallerIDOf(strings.TrimSuffix(filepath.Base(file), ".pem"))
}

// CallerIDOf returns the caller id of a name.
func CallerIDOf(name string) (string, error) {
	id := kind + name
	if err := message.ValidCallerID(id); err != nil {
		return "", fmt.Errorf("caller id from the name of the public key: %w", err)
	}
	return id, nil
}

// ErrUnknown is wrapped by the error for a caller who has no key.
var ErrUnknown = errors.New("no public key of this caller")

// A Directory is where the public keys of callers are, each in a file NAME.pem. What
// changes there counts for the next request. Its methods may be called from several
// goroutines.
type Directory struct {
	path string
	bits int

	mu   sync.Mutex
	keys map[string]entry
}

type entry struct {
	info fs.FileInfo
	key  *Public
}

// OpenDirectory returns the directory, whose keys have at least so many bits.
func OpenDirectory(path string, bits int) (*Directory, error) {
	if err := trust.Check(path); err != nil {
		return nil, fmt.Errorf("directory of the callers' public keys: %w", err)
	}
	fi, err := os.Stat(path)
	if err == nil && !fi.IsDir() {
		err = fmt.Errorf("%s is not a directory", path)
	}
	if err != nil {
		return nil, fmt.Errorf("directory of the callers' public keys: %w", err)
	}
	return &Directory{path: path, bits: bits, keys: map[string]entry{}}, nil
}

// File returns where the key of a caller is, or would be. The caller id is one that
// message.ValidCallerID has taken; of another kind than "cert" it has none.
func (d *Directory) File(caller string) (string, error) {
	name, ok := strings.CutPrefix(caller, kind)
	if err := message.ValidCallerID(caller); err != nil {
		return "", err
	}
	if !ok {
		return "", fmt.Errorf("caller id %q does not begin with %s", caller, kind)
	}
	return filepath.Join(d.path, name+".pem"), nil
}

// Key returns the public key of a caller. One whose file is gone has none.
func (d *Directory) Key(caller string) (*Public, error) {
	file, err := d.File(caller)
	if err != nil {
		return nil, err
	}
	fi, err := os.Stat(file)
	if err != nil {
		d.forget(caller)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: there is no %s", ErrUnknown, file)
		}
		return nil, fmt.Errorf("public key of %s: %w", caller, err)
	}
	d.mu.Lock()
	e, ok := d.keys[caller]
	d.mu.Unlock()
	if ok && same(e.info, fi) {
		return e.key, nil
	}
	d.forget(caller)
	key, err := PublicKey(file, d.bits)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys[caller] = entry{fi, key}
	return key, nil
}

// Reload forgets what was read, so that files are judged anew.
func (d *Directory) Reload() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.keys)
}

func (d *Directory) forget(caller string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.keys, caller)
}

// same reports whether a file is the one that was read.
func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}

// Add puts the certificate of a caller who has none into the directory. One that is
// there stays.
func (d *Directory) Add(caller string, cert *x509.Certificate) error {
	file, err := d.File(caller)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(d.path, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), file) // fails if there is one
}
