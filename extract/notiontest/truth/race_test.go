//go:build race

package truth

// raced reports whether the race detector looks on, which makes everything many times slower:
// of what is the same at any speed it sees a little, and `make test` does all of it without.
const raced = true
