//go:build race

package extract

// raced reports whether the race detector looks on, which makes everything many times slower.
const raced = true
