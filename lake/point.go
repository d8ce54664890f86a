package lake

// A Point is where a test may stop or fail the program: it is called before and
// after every effect, with what is done ("storage.create", "catalog.commit") and
// to which object. An error makes the effect fail; a Point that kills the
// process is a crash at that place. Several goroutines may call it. A nil Point does nothing.
type Point func(name, key string) error

// Hit calls the point.
func (p Point) Hit(name, key string) error {
	if p == nil {
		return nil
	}
	return p(name, key)
}
