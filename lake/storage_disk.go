package lake

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"sync"
	"syscall"
)

// A disk makes what is written below a local folder survive a power loss.
type disk struct {
	root  string
	point Point
	fsync func(*os.File) error

	mu sync.Mutex
	// kept are the folders that are known to be on the disk themselves: the
	// folder above was synced after they were made. A folder that another
	// goroutine just made is not known to be.
	kept map[string]bool
}

func (d *disk) path(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

// keep makes sure that the file of a key, already synced, and all folders down
// to it are found again after a power loss.
func (d *disk) keep(key string) error {
	dir := path.Dir(key)
	if err := d.sync(dir); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for dir != "." && !d.kept[dir] {
		if err := d.sync(path.Dir(dir)); err != nil {
			return err
		}
		d.kept[dir] = true
		dir = path.Dir(dir)
	}
	return nil
}

// sync makes the entries of a folder below the root durable.
func (d *disk) sync(dir string) error {
	if err := d.point.Hit("storage.syncdir", dir); err != nil {
		return err
	}
	return d.syncDir(d.path(dir))
}

// syncDir makes the entries of a folder durable.
func (d *disk) syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.fsync(f)
	// Some file systems know no sync of a folder: they do without, or cannot help it.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
