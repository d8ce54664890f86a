package laketest

import (
	"errors"
	"sync"

	"github.com/notionlake/notionlake/lake"
)

// ErrInjected is the error of a Fail.
var ErrInjected = errors.New("injected fault")

// A Counter numbers the points of a load.
type Counter struct {
	mu    sync.Mutex
	Names []string
}

// Point counts and lets everything pass.
func (c *Counter) Point() lake.Point {
	return func(name, _ string) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.Names = append(c.Names, name)
		return nil
	}
}

// Fail returns a Point that fails at the n-th hit, from 1 on, and with forever
// at every later one too.
func Fail(n int, forever bool) lake.Point {
	var mu sync.Mutex
	hits := 0
	return func(string, string) error {
		mu.Lock()
		defer mu.Unlock()
		hits++
		if hits == n || forever && hits > n {
			return ErrInjected
		}
		return nil
	}
}
