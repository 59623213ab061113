package devserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// databasePatience is how long the last server of a database gets to end: its parent may have been
// killed just now.
const databasePatience = 5 * time.Second

// database is a server's SQLite file, locked so that no second server writes to it. The zero value
// stands for a server that keeps everything in memory.
type database struct {
	folder string
	file   string // the name inside folder
	lock   *os.File
}

// DatabaseInUseError says that another server has the database.
type DatabaseInUseError struct {
	Database string
	// Address is that of the other server's gRPC API, or "" while that server starts.
	Address string
}

func (e *DatabaseInUseError) Error() string {
	at := ""
	if e.Address != "" {
		at = ", at " + e.Address
	}
	return fmt.Sprintf("the database %s is in use by another Temporal dev server%s: end that one first", e.Database, at)
}

// openDatabase makes the database's folder and takes the lock that belongs to the database. It
// fails if another server has that lock.
func openDatabase(ctx context.Context, path string) (*database, error) {
	if path == "" {
		return &database{}, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("the Temporal dev server's database: %w", err)
	}
	d := &database{folder: filepath.Dir(path), file: filepath.Base(path)}
	// The server puts the name into a URL as it is, so that a name with these characters would mean
	// another file. The folder's name can have them, since the server runs in that folder.
	if strings.ContainsAny(d.file, "?#%") {
		return nil, fmt.Errorf("the Temporal dev server's database %q: the file's name must have no ?, # or %%", path)
	}
	if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return nil, fmt.Errorf("the folder of the Temporal dev server's database: %w", err)
	}
	patient, cancel := context.WithTimeout(ctx, databasePatience)
	defer cancel()
	lockPath := path + ".lock"
	d.lock, err = lockFile(patient, lockPath, func() {})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		address, _ := os.ReadFile(lockPath) // whoever has the lock has written it
		return nil, &DatabaseInUseError{Database: path, Address: string(address)}
	case err != nil:
		return nil, fmt.Errorf("the lock of the Temporal dev server's database: %w", err)
	}
	err = d.lock.Truncate(0) // the address of a server that has ended
	if err == nil {
		err = d.prepare()
	}
	if err != nil {
		d.close()
		return nil, fmt.Errorf("the Temporal dev server's database: %w", err)
	}
	return d, nil
}

// prepare removes a database whose first start was interrupted. The server makes the tables one by
// one, and only if the file is missing, so that every later start would fail on such a file.
func (d *database) prepare() error {
	path := filepath.Join(d.folder, d.file)
	if exists(d.incomplete()) {
		for _, suffix := range []string{"", "-journal", "-wal", "-shm"} {
			if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	if exists(path) {
		return nil
	}
	return os.WriteFile(d.incomplete(), nil, 0o600)
}

// complete notes that a server became ready on the database, and at which address.
func (d *database) complete(address string) error {
	if d.file == "" {
		return nil
	}
	if _, err := d.lock.WriteAt([]byte(address), 0); err != nil {
		return fmt.Errorf("the lock of the Temporal dev server's database: %w", err)
	}
	if err := os.Remove(d.incomplete()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the Temporal dev server's database: %w", err)
	}
	return nil
}

func (d *database) incomplete() string { return filepath.Join(d.folder, d.file+".incomplete") }

// locked is what the server's process must keep open, so that the lock lives exactly as long as the
// process.
func (d *database) locked() []*os.File {
	if d.lock == nil {
		return nil
	}
	return []*os.File{d.lock}
}

func (d *database) close() {
	if d.lock != nil {
		d.lock.Close()
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
