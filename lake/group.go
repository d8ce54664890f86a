package lake

import (
	"context"
	"runtime/debug"

	"golang.org/x/sync/errgroup"
)

// A Group is an errgroup.Group in which a panic is an error: beside the goroutine that
// waits nobody catches it, and it would end the program.
type Group struct{ group *errgroup.Group }

// NewGroup returns a group, and a context that ends when one of its functions fails.
func NewGroup(ctx context.Context) (Group, context.Context) {
	g, ctx := errgroup.WithContext(ctx)
	return Group{g}, ctx
}

// SetLimit limits how many functions run at a time.
func (g Group) SetLimit(n int) { g.group.SetLimit(n) }

// Go runs a function when there is room for it.
func (g Group) Go(f func() error) {
	g.group.Go(func() (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = &PanicError{Value: v, Stack: debug.Stack()}
			}
		}()
		return f()
	})
}

// Wait waits for all of them, and returns the first error.
func (g Group) Wait() error { return g.group.Wait() }
