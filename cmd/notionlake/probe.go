package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/notionlake/notionlake/lake"
)

// probePrefix is where probes write; nothing of a table is there.
const probePrefix = "_notionlake/probe-"

// probe writes an object into the warehouse, reads it, lists it and deletes it.
// Its error is a *lake.StorageError.
func probe(ctx context.Context, s *lake.Storage, prefix string) error {
	key, data := prefix+rand.Text(), []byte("written by notionlake to see whether the storage works\n")
	fail := func(action string, err error) error {
		return storageError(fmt.Errorf("%s in the warehouse %s: %w", action, s.Root(), err))
	}
	if err := s.WriteAll(ctx, key, data); err != nil {
		return fail("write", err)
	}
	err := readProbe(ctx, s, prefix, key, data)
	if deleted := s.Delete(ctx, key); deleted != nil {
		err = errors.Join(err, fail("delete", deleted))
	}
	return err
}

func readProbe(ctx context.Context, s *lake.Storage, prefix, key string, data []byte) error {
	got, err := s.ReadAll(ctx, key)
	if err == nil && !bytes.Equal(got, data) {
		err = errors.New("what was read is not what was written")
	}
	if err != nil {
		return storageError(fmt.Errorf("read in the warehouse %s: %w", s.Root(), err))
	}
	for o, err := range s.List(ctx, prefix) {
		if err != nil {
			return storageError(fmt.Errorf("list the warehouse %s: %w", s.Root(), err))
		}
		if o.Key == key {
			return nil
		}
	}
	return storageError(fmt.Errorf("list the warehouse %s: an object that was written is not listed", s.Root()))
}

// probeConditional tries whether two writers of one new object can be told apart.
func probeConditional(ctx context.Context, s *lake.Storage, prefix string) error {
	key := prefix + rand.Text()
	if err := s.WriteAll(ctx, key, []byte("first")); err != nil {
		return storageError(err)
	}
	err := s.WriteAll(ctx, key, []byte("second"))
	if deleted := s.Delete(ctx, key); deleted != nil {
		return storageError(deleted)
	}
	switch {
	case errors.Is(err, lake.ErrExist):
		return nil
	case err == nil:
		return storageError(errors.New("the storage writes over an object where a new one was asked for"))
	default:
		return storageError(err)
	}
}
