// Package quiet keeps the garbage collector off while the program's packages set
// themselves up: a library parses 30 MB of tables then, of which nothing is garbage yet.
// It needs no other package of note, so it is set up before those that do.
package quiet

import (
	"os"
	"runtime/debug"
)

func init() {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if _, set := os.LookupEnv(name); set {
			return
		}
	}
	debug.SetGCPercent(-1)
}
