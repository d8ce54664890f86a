package lake

import (
	"errors"
	"strings"
)

// ErrExist is a storage object that is there already where a new one was to be made.
var ErrExist = errors.New("exists already")

// ErrNotVerified is a load that is published, while a look at what readers find
// now failed or found something else.
var ErrNotVerified = errors.New("the load is published, but not verified")

// A SourceError is a load that failed because the source did.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }

// A StorageError is a load that failed because the storage or the catalog did.
type StorageError struct{ Err error }

func (e *StorageError) Error() string { return e.Err.Error() }
func (e *StorageError) Unwrap() error { return e.Err }

// A HeldError is a load that was read but not published, with the reasons.
type HeldError struct {
	Load    LoadID
	Reasons []string
}

func (e *HeldError) Error() string {
	return "load " + string(e.Load) + " is held back: " + strings.Join(e.Reasons, "; ")
}

// A PanicError is a mistake of the program. Where it has a table, nothing was published.
type PanicError struct {
	Table string
	Value any
	Stack []byte
}

// Error leaves out Value, which may hold what a cell holds.
func (e *PanicError) Error() string {
	if e.Table == "" {
		return "internal error: this is a bug"
	}
	return "internal error while reading table " + e.Table + ": this is a bug, nothing was published"
}

// storageError marks err as the storage's or the catalog's, unless the load
// was cancelled or err says more already.
func storageError(err error) error {
	var source *SourceError
	var storage *StorageError
	var value *ValueError
	if err == nil || errors.As(err, &source) || errors.As(err, &storage) || errors.As(err, &value) {
		return err
	}
	return &StorageError{err}
}
