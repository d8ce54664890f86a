package catalog_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// Of two programs one has the lock, and the other is told who.
func TestLock(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	w.options.LockTimeout = time.Millisecond
	first, second := w.open(), w.open()
	unlock, err := first.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Lock(t.Context()); !errors.Is(err, lake.ErrLocked) || !strings.Contains(err.Error(), "process ") {
		t.Errorf("locked twice: %v, want ErrLocked with who holds it", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := second.Lock(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting was cancelled: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = second.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

// Namespaces and catalogs over one warehouse never share a folder.
func TestFolders(t *testing.T) {
	t.Parallel()
	folders := map[string]string{}
	for _, names := range [][2]string{{"notionlake", "x"}, {"notionlake", "_x"}, {"other", "x"}, {"notionlake", "X"}, {"notionlake", "__x"}} {
		w := newWarehouse(t)
		w.options.Name, w.options.Namespace = names[0], names[1]
		folder := w.open().Folder()
		if twin, ok := folders[folder]; ok || strings.HasPrefix(folder, "_") || strings.Count(folder, "/") != 1 {
			t.Errorf("catalog %s, namespace %s: folder %s, which %s has too", names[0], names[1], folder, twin)
		}
		folders[folder] = names[0] + " " + names[1]
	}
}
