package lake_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

// heldFirst is a world whose first load is held, and the key of its entry.
func heldFirst(t *testing.T) (w *world, load lake.LoadID, key string) {
	t.Helper()
	w = newWorld(t, nil)
	l := w.loader(textTable("a", "1"), partialTable("b"))
	l.Audit.HoldPartial = true
	report, err := l.Run(t.Context())
	if report.Status != lake.StatusHeld {
		t.Fatalf("status %s: %v", report.Status, err)
	}
	entries := w.journalFiles()
	if len(entries) != 1 {
		t.Fatalf("journal %v", entries)
	}
	return w, report.LoadID, entries[0]
}

// Of a first load that is held only its entry tells: whatever byte of it another program
// or a disk changes, it is not taken for anything else.
func TestEveryByteOfAnEntry(t *testing.T) {
	w, load, key := heldFirst(t)
	whole, err := w.storage.ReadAll(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		data := slices.Clone(whole)
		data[i] ^= 1 << (i % 8)
		if err := w.storage.Replace(t.Context(), key, data); err != nil {
			t.Fatal(err)
		}
		held, err := lake.HeldLoads(t.Context(), w.storage, w.catalog)
		switch {
		case errors.Is(err, lake.ErrNewerJournal):
		case err != nil || len(held) != 1 || held[0].Load.ID != load || !held[0].Lost:
			t.Errorf("byte %d is changed: %s: %+v, %v", i, around(data, i), held, err)
		}
	}
	if err := w.storage.Replace(t.Context(), key, whole); err != nil {
		t.Fatal(err)
	}
	if held, err := lake.HeldLoads(t.Context(), w.storage, w.catalog); err != nil || len(held) != 1 || held[0].Lost {
		t.Errorf("as it was: %+v, %v", held, err)
	}
}

// sealed is an entry with the sum of its bytes.
func sealed(entry []byte) []byte {
	const place = `"sum": "`
	before, rest, _ := bytes.Cut(entry, []byte(place))
	_, after, _ := bytes.Cut(rest, []byte(`"`))
	sum := sha256.Sum256(slices.Concat(before, []byte(place), []byte(`"`), after))
	return slices.Concat(before, []byte(place+hex.EncodeToString(sum[:])+`"`), after)
}

func around(data []byte, i int) string { return string(data[max(0, i-20):min(len(data), i+20)]) }

// What a held first load wrote stays when its entry is damaged, and that it is damaged is said.
func TestDamagedEntryOfHeldLoad(t *testing.T) {
	for _, damage := range [][]string{
		{`"state": "held"`, `"state": "hemd"`},
		{`"state": "held"`, `"state": "failed"`},
		{`"load": {`, `"loan": {`},
		{`"format": 1`, `"format": 0`},
		{`"format": 1`, `"format": 9`},
		{`"format"`, `"formau"`},
		{`"sum"`, `"sun"`},
		{`"sum": "`, `"sum": "0`},
		{`"run": "`, `"run": "0`},
		{"\n  \"reasons\"", "\n   \"reasons\""},
		// With the sum of these bytes, as of a program that makes other entries.
		{`"state": "held"`, `"state": "hemd"`, "sealed"},
		{`"load": {`, `"loan": {`, "sealed"},
		{`"format": 1`, `"format": 0`, "sealed"},
		{`"load": {
    "ID": "2`, `"load": {
    "ID": "3`, "sealed"},
	} {
		w, load, key := heldFirst(t)
		data, err := w.storage.ReadAll(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		damaged := bytes.Replace(data, []byte(damage[0]), []byte(damage[1]), 1)
		if bytes.Equal(data, damaged) {
			t.Fatalf("%s is not in\n%s", damage[0], data)
		}
		if len(damage) > 2 {
			damaged = sealed(damaged)
		}
		if err := w.storage.Replace(t.Context(), key, damaged); err != nil {
			t.Fatal(err)
		}
		tables := slices.DeleteFunc(w.files(), func(key string) bool { return strings.HasPrefix(key, "_notionlake/") })
		var log strings.Builder
		l := w.loader()
		l.Logger = slog.New(slog.NewTextHandler(&log, nil))
		err = l.Discard(t.Context(), "20200101T000000Z")
		switch newer := errors.Is(err, lake.ErrNewerJournal); {
		case newer && strings.Contains(err.Error(), "if none was ever used here, the entry is damaged: move it into the folder"):
		case newer || !errors.Is(err, lake.ErrNotHeld) || !strings.Contains(log.String(), "a journal entry is damaged and was put aside") || !strings.Contains(log.String(), "notionlake discard "+string(load)):
			t.Errorf("%s: %v\n%s", damage[1], err, log.String())
		}
		if d := cmp.Diff(tables, slices.DeleteFunc(w.files(), func(key string) bool { return strings.HasPrefix(key, "_notionlake/") })); d != "" {
			t.Errorf("%s: files are gone: %s", damage[1], d)
		}
	}
}
