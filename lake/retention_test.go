package lake_test

import (
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/lake"
)

func TestRetention(t *testing.T) {
	day := func(days ...string) (loads []lake.LoadID) {
		for _, d := range days {
			loads = append(loads, lake.LoadID(strings.ReplaceAll(d, "-", "")+"T030000Z"))
		}
		return loads
	}
	twice := []lake.LoadID{"20261120T030000Z", "20261120T233000Z", "20261121T003000Z", "20261121T030000Z"}
	tests := []struct {
		name  string
		r     lake.Retention
		loads []lake.LoadID
		want  string // the kept ones
	}{
		{"nothing is asked for", lake.Retention{}, day("2026-11-19", "2026-11-20"), "20261120T0300:newest"},
		{"all", lake.Retention{All: true}, day("2026-11-19", "2026-11-20"), "20261119T0300:all 20261120T0300:newest+all"},
		{"last", lake.Retention{Last: 2}, day("2026-11-18", "2026-11-19", "2026-11-20"), "20261119T0300:last 20261120T0300:newest+last"},
		{"more than there are", lake.Retention{Last: 9}, day("2026-11-19"), "20261119T0300:newest+last"},
		{"the newest of each day", lake.Retention{Daily: 2}, twice, "20261120T2330:daily 20261121T0300:newest+daily"},
		{"days without a load do not count", lake.Retention{Daily: 2}, day("2026-01-01", "2026-06-01", "2026-11-20"), "20260601T0300:daily 20261120T0300:newest+daily"},
		{
			"weeks begin on Monday and go over the end of the year",
			lake.Retention{Weekly: 2},
			day("2025-12-21", "2025-12-28", "2025-12-29", "2026-01-04", "2026-01-05"), "20260104T0300:weekly 20260105T0300:newest+weekly",
		},
		{"the same week of another year", lake.Retention{Weekly: 2}, day("2025-11-17", "2026-11-16"), "20251117T0300:weekly 20261116T0300:newest+weekly"},
		{"months", lake.Retention{Monthly: 2}, day("2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01"), "20260131T0300:monthly 20260201T0300:newest+monthly"},
		{
			"all together",
			lake.Retention{Last: 1, Daily: 2, Monthly: 2},
			day("2026-10-31", "2026-11-01", "2026-11-19", "2026-11-20"),
			"20261031T0300:monthly 20261119T0300:daily 20261120T0300:newest+last+daily+monthly",
		},
		{"younger", lake.Retention{Younger: 72 * time.Hour}, day("2026-11-19", "2026-11-20", "2026-11-22"), "20261120T0300:younger 20261122T0300:newest+younger"},
		{"the clock has gone back", lake.Retention{Last: 1}, day("2027-01-01", "2027-01-02"), "20270102T0300:newest+last"},
		{
			"the clock was ahead once",
			lake.Retention{Daily: 1},
			[]lake.LoadID{"20261119T030000Z", "20261120T030000Z", "20360101T000000Z", "20360101T000001Z", "20360101T000002Z"},
			"20261120T0300:daily 20360101T0000:future 20360101T000001Z:future 20360101T000002Z:newest+future",
		},
		{"no load", lake.Retention{Last: 1}, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kept, expired := tt.r.Split(tt.loads, time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
			var got []string
			for _, k := range kept {
				got = append(got, strings.TrimSuffix(string(k.LoadID), "00Z")+":"+strings.Join(k.Reasons, "+"))
			}
			if list := strings.Join(got, " "); list != tt.want {
				t.Errorf("kept %s, want %s", list, tt.want)
			}
			if len(kept)+len(expired) != len(tt.loads) {
				t.Errorf("%d loads: %d kept, %d expired", len(tt.loads), len(kept), len(expired))
			}
		})
	}
}
