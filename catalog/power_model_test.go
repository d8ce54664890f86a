package catalog_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

// A power knows what a power loss would leave of a folder: what was synced, and
// of the rest anything. It counts on files that are never written again under
// another name once they were synced, as those of a Storage are.
type power struct {
	root string
	keep string // hard links to files that were synced, by inode

	mu    sync.Mutex
	files map[uint64]int64             // synced bytes, by inode
	dirs  map[string]map[string]uint64 // synced entries: inode by name, by path below root
}

// newPower watches the folder root. keep is an empty folder beside it.
func newPower(root, keep string) *power {
	return &power{root: root, keep: keep, files: map[uint64]int64{}, dirs: map[string]map[string]uint64{}}
}

// Sync takes the place of fsync.
func (p *power) Sync(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if info.IsDir() {
		rel, err := filepath.Rel(p.root, f.Name())
		if err != nil {
			return err
		}
		p.dirs[rel], err = entries(f.Name())
		return err
	}
	inode := inodeOf(info)
	p.files[inode] = info.Size()
	// The link keeps the inode from being used again, and the file for those who
	// find it deleted, which was not synced.
	if err := os.Link(f.Name(), p.kept(inode)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (p *power) kept(inode uint64) string {
	return filepath.Join(p.keep, strconv.FormatUint(inode, 10))
}

func inodeOf(info fs.FileInfo) uint64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		panic("no inodes here")
	}
	return stat.Ino
}

func entries(dir string) (map[string]uint64, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	m := map[string]uint64{}
	for _, e := range list {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		m[e.Name()] = inodeOf(info)
	}
	return m, nil
}

// An outcome chooses what becomes of things that were not synced.
type outcome struct {
	random *rand.Rand
	fixed  int // -1: random
	// open is how many things were not synced.
	open int
}

// newOutcome is one of many: 0 loses all that was not synced, 1 nothing, and the
// others something by chance.
func newOutcome(n int, seed uint64) *outcome {
	o := &outcome{random: rand.New(rand.NewPCG(seed, uint64(n))), fixed: -1}
	if n < 2 {
		o.fixed = n
	}
	return o
}

// choose returns a number below n: 0 is the loss.
func (o *outcome) choose(n int) int {
	o.open++
	switch o.fixed {
	case 0:
		return 0
	case 1:
		return n - 1
	default:
		return o.random.IntN(n)
	}
}

// image makes the folder to what is there after a power loss at this moment.
func (p *power) image(to string, o *outcome) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lose(".", to, o)
}

func (p *power) lose(dir, to string, o *outcome) error {
	if err := os.MkdirAll(filepath.Join(to, dir), 0o755); err != nil {
		return err
	}
	now, err := entries(filepath.Join(p.root, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // an entry of a folder that is gone: none ever is
	}
	if err != nil {
		return err
	}
	then := p.dirs[dir]
	names := map[string]bool{}
	for name := range now {
		names[name] = true
	}
	for name := range then {
		names[name] = true
	}
	for _, name := range sortedNames(names) {
		inode, err := p.entry(then[name], now[name], o)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", dir, name, err)
		}
		if inode == 0 {
			continue
		}
		rel := filepath.Join(dir, name)
		if info, err := os.Stat(filepath.Join(p.root, rel)); err == nil && info.IsDir() {
			if err := p.lose(rel, to, o); err != nil {
				return err
			}
			continue
		}
		if err := p.file(rel, inode, now[name] == inode, filepath.Join(to, rel), o); err != nil {
			return err
		}
	}
	return nil
}

// entry chooses what a name stands for: as it was synced, as it is, or nothing
// where one of the two is nothing.
func (p *power) entry(then, now uint64, o *outcome) (uint64, error) {
	if then == now {
		return now, nil
	}
	if o.choose(2) == 0 {
		return then, nil
	}
	return now, nil
}

// file makes the file that a name stands for.
func (p *power) file(rel string, inode uint64, current bool, to string, o *outcome) error {
	from := p.kept(inode)
	synced, ok := p.files[inode]
	if !ok {
		if !current {
			return os.WriteFile(to, nil, 0o644) // deleted meanwhile, never synced
		}
		from = filepath.Join(p.root, rel)
	}
	info, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // just deleted by another goroutine
	}
	if err != nil {
		return err
	}
	if ok && synced == info.Size() {
		return os.Link(from, to)
	}
	size := info.Size()
	switch o.choose(3) {
	case 0:
		size = synced
	case 1:
		size = (synced + size) / 2
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data[:min(size, int64(len(data)))], 0o644)
}

func sortedNames(names map[string]bool) []string {
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
