package extract

import (
	"math"
	"math/big"
	"strconv"
	"unsafe"
)

// pow10 holds the powers of ten that a double holds exactly.
var pow10 = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// parseNumber reads a JSON number. ok is false where it is beyond the doubles;
// exact is false where it is an integer that no double is equal to.
func parseNumber(b []byte) (f float64, exact, ok bool) {
	// Up to 15 digits and a division by a power of ten are exact in doubles, so
	// the one rounding of the division is the right one.
	var mantissa uint64
	digits, fraction, i := 0, 0, 0
	if b[0] == '-' {
		i = 1
	}
	point := false
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' {
			point = true
			continue
		}
		if c-'0' > 9 {
			return parseLongNumber(b)
		}
		mantissa = mantissa*10 + uint64(c-'0')
		digits++
		if point {
			fraction++
		}
	}
	if digits > 15 || fraction >= len(pow10) {
		return parseLongNumber(b)
	}
	if f = float64(mantissa); fraction > 0 {
		f /= pow10[fraction]
	}
	if b[0] == '-' {
		f = -f
	}
	return f, true, true
}

func parseLongNumber(b []byte) (f float64, exact, ok bool) {
	s := unsafe.String(unsafe.SliceData(b), len(b))
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, false, false
	}
	if math.Abs(f) < 1<<53 {
		return f, true, true // doubles hold every integer up to here
	}
	r, valid := new(big.Rat).SetString(s)
	if !valid || !r.IsInt() {
		return f, true, true
	}
	return f, r.Cmp(new(big.Rat).SetFloat64(f)) == 0, true
}
