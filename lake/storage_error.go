package lake

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"gocloud.dev/gcerrors"
)

// An objectError is a failed action on an object, in words for people.
type objectError struct {
	action, object string
	reason         string // "" is the text of err
	err            error
}

func (e *objectError) Error() string {
	reason := e.reason
	if reason == "" {
		reason = e.err.Error()
	}
	return e.action + " " + e.object + ": " + reason
}

func (e *objectError) Unwrap() error { return e.err }

// plainWords are what the errors of a disk mean.
var plainWords = []struct {
	err  error
	text string
}{
	{syscall.ENOSPC, "no space left on the disk"},
	{syscall.EDQUOT, "the disk quota is used up"},
	{syscall.EROFS, "the file system is read-only"},
	{syscall.EACCES, "permission denied"},
	{syscall.EPERM, "operation not permitted"},
	{syscall.EIO, "input/output error of the disk"},
	{syscall.EMFILE, "too many open files"},
	{syscall.ENAMETOOLONG, "the name is too long for the file system"},
	{syscall.ENOTDIR, "a part of the path is a file, not a folder"},
	{syscall.EISDIR, "it is a folder, not a file"},
	{errNotFolder, "it is a file, not a folder"},
}

// A damagedError is an object that is there and does not hold what was written.
type damagedError struct{ error }

func (e *damagedError) Unwrap() error { return e.error }

// Damaged marks an error as that of an object which does not hold what was written.
func Damaged(err error) error { return &damagedError{err} }

// IsLost reports whether what could not be read is not there any more, or damaged:
// what cannot be reached may be read another time.
func IsLost(err error) bool {
	var damaged *damagedError
	return errors.Is(err, fs.ErrNotExist) || errors.As(err, &damaged)
}

// objectFault makes an error that names action and object and says why. What it
// wraps can be asked for: fs.ErrNotExist, ErrExist, syscall.ENOSPC and so on.
func objectFault(action, object string, err error) error {
	var already *objectError
	if errors.As(err, &already) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := &objectError{action: action, object: object, err: err}
	switch {
	case isNoBucket(err):
		e.reason = errNoBucket.Error()
	case codeOf(err) == gcerrors.NotFound || errors.Is(err, fs.ErrNotExist):
		e.reason, e.err = "it does not exist", fs.ErrNotExist
	case codeOf(err) == gcerrors.FailedPrecondition || errors.Is(err, ErrExist):
		e.reason, e.err = "it exists already", ErrExist
	default:
		e.reason = cloudReason(err)
		for _, w := range plainWords {
			if errors.Is(err, w.err) {
				e.reason = w.text
				break
			}
		}
	}
	return e
}

// pathReason is what is wrong with a path, in words and without the path.
func pathReason(err error) string {
	for _, w := range plainWords {
		if errors.Is(err, w.err) {
			return w.text
		}
	}
	var of *fs.PathError
	if errors.As(err, &of) {
		return "mkdir " + of.Path + ": " + of.Err.Error()
	}
	return err.Error()
}
