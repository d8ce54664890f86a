package notiontest

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

// BenchmarkQuery reads the 10,000 rows that one query of Big shows.
func BenchmarkQuery(b *testing.B) {
	w := Big(20_000, 1)
	to := "POST /v1/data_sources/" + w.Model().Sources[0].ID + "/query"
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			s := NewServer(w, Options{})
			c := &http.Client{Transport: s.Transport()}
			const rows = 10_000
			b.ReportAllocs()
			for b.Loop() {
				for at := 0; at < rows; at += maxPageSize {
					cursor := ""
					if at > 0 {
						cursor = s.seal(cursorAt(at), queryPath+" "+w.Model().Sources[0].ID+" "+byCreation[len(`,"sorts":`):]+"false")
					}
					r := request(to, fmt.Sprintf(`{"page_size":100%s%s}`, byCreation, optional(`,"start_cursor":%q`, cursor)))
					r.Header.Set("Accept-Encoding", encoding)
					resp, err := c.Do(r)
					if err != nil || resp.StatusCode != http.StatusOK {
						b.Fatal(resp, err)
					}
					if _, err := io.Copy(io.Discard, resp.Body); err != nil {
						b.Fatal(err)
					}
					resp.Body.Close()
				}
			}
			b.SetBytes(s.Stats().Bytes / int64(b.N))
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func cursorAt(offset int) cursor { return cursor{offset: offset} }
