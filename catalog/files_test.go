package catalog

import (
	"encoding/hex"
	"math"
	"testing"

	"github.com/apache/iceberg-go"

	"github.com/notionlake/notionlake/lake"
)

func TestBounds(t *testing.T) {
	t.Parallel()
	p := iceberg.PrimitiveTypes
	for _, test := range []struct {
		name         string
		value        lake.Value
		typ          iceberg.Type
		lower, upper string // in hexadecimal
	}{
		{"zero", lake.FloatValue(0), p.Float64, "0000000000000080", "0000000000000000"},
		{"minus zero", lake.FloatValue(math.Copysign(0, -1)), p.Float64, "0000000000000080", "0000000000000000"},
		{"double", lake.FloatValue(-1.5), p.Float64, "000000000000f8bf", "000000000000f8bf"},
		{"infinite", lake.FloatValue(math.Inf(1)), p.Float64, "000000000000f07f", "000000000000f07f"},
		{"long", lake.IntValue(-2), p.Int64, "feffffffffffffff", "feffffffffffffff"},
		{"time", lake.MicrosValue(-1), p.TimestampTz, "ffffffffffffffff", "ffffffffffffffff"},
		{"boolean", lake.BoolValue(true), p.Bool, "01", "01"},
		{"no boolean", lake.BoolValue(false), p.Bool, "00", "00"},
		{"text", lake.TextValue("é\x00"), p.String, "c3a900", "c3a900"},
		{"empty text", lake.TextValue(""), p.String, "", ""},
		{"null", lake.Value{}, p.String, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			lower, upper := encodeBound(test.value, false), encodeBound(test.value, true)
			if hex.EncodeToString(lower) != test.lower || hex.EncodeToString(upper) != test.upper {
				t.Errorf("bounds %x and %x, want %s and %s", lower, upper, test.lower, test.upper)
			}
			if test.lower == test.upper && lower != nil {
				if got := decodeBound(lower, test.typ); !got.Equal(test.value) {
					t.Errorf("read back: %v, want %v", got, test.value)
				}
			}
		})
	}
}
