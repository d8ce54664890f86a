package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// signalError is the signal that ended the program.
type signalError struct{ signal syscall.Signal }

func (e *signalError) Error() string {
	if e.signal == syscall.SIGINT {
		return "interrupted (SIGINT, Ctrl-C)"
	}
	return "interrupted (SIGTERM)"
}

// sameSignal is how long after the first signal another one is taken for the same.
const sameSignal = time.Second

// withSignals cancels the context at the first SIGINT or SIGTERM, with a
// *signalError as its cause; a second one, a moment later, ends the program at once:
// some programs send the same signal twice, to the process and to its group. A reader
// of our output that went away is an error of the write, not a signal.
func withSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	signal.Ignore(syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		var since time.Time // the first one
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				number, _ := s.(syscall.Signal)
				switch {
				case since.IsZero():
					since = time.Now()
					cancel(&signalError{number})
				case time.Since(since) > sameSignal:
					os.Exit(exitSignal + int(number))
				}
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// interrupted puts the reason of the cancellation in the place of an error that
// only says that the context was cancelled.
func interrupted(ctx context.Context, err error) error {
	var bySignal *signalError
	if errors.As(context.Cause(ctx), &bySignal) && !errors.As(err, &bySignal) && errors.Is(err, context.Canceled) {
		return bySignal
	}
	return err
}
