package notion

import (
	"log/slog"
	"runtime/debug"
)

// A caught is what panicked in a goroutine. Whoever waits for that panics in its place:
// callers catch what panics under them, and nobody what panics beside them, which would
// end the program.
type caught struct{ value any }

// here is deferred in the goroutine. Its stack is told now: afterwards there is another.
func (c *caught) here(log *slog.Logger) {
	if c.value = recover(); c.value != nil {
		log.Debug("panic", "stack", string(debug.Stack()))
	}
}

// again panics if the goroutine did.
func (c *caught) again() {
	if c.value != nil {
		panic(c.value)
	}
}
