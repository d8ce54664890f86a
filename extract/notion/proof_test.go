package notion

import (
	"testing"
	"testing/synctest"
)

// That none of the rows was removed is proved while the last of them are used.
func TestProofDoesNotWait(t *testing.T) {
	twoPages := func(proof reply) *fake {
		return answers(rowsOf(toA, at(1, 0, 0), at(2, 0, 0)), rowsOf(last, at(3, 0, 0)), proof)
	}
	synctest.Test(t, func(t *testing.T) {
		f := twoPages(rowsOf(last, at(1, 0, 0), at(2, 0, 0), at(3, 0, 0)))
		all, rows := false, 0
		for _, err := range newTestClient(t, f, unlimited).QueryDataSource(t.Context(), sourceID, Query{PageSize: 3, Listed: func(is bool) { all = is }}) {
			if rows++; err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if sent := len(f.asked); rows == 3 && (sent != 3 || !all) {
				t.Errorf("%d requests while the last row was used, of them the proof's: %v", sent, all)
			}
		}
		if rows != 3 || len(f.asked) != 3 {
			t.Errorf("%d rows of %d requests", rows, len(f.asked))
		}
	})
	// Who wants no more rows leaves nothing behind.
	synctest.Test(t, func(t *testing.T) {
		rows := 0
		for range newTestClient(t, twoPages(stall("")), unlimited).QueryDataSource(t.Context(), sourceID, Query{PageSize: 3}) {
			synctest.Wait()
			if rows++; rows == 3 {
				break
			}
		}
	})
}
