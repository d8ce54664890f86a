package notion

import (
	"fmt"
	"slices"
	"testing"
)

// FuzzFamiliar checks an answer after another one, whose rows the check then
// knows, and anew: both must find the same.
func FuzzFamiliar(f *testing.F) {
	f.Add(row(1, 10), row(2, 10), row(3, 9))
	f.Add(`{"a":{"b":1,"c":[{"d":"x"},{"d":"y"}]}}`, `{"a":{"b":12,"c":[{"d":"x"}]}}`, `{"a":{"b" : 1 ,"c":[ ]}}`)
	f.Add(`{"a":[1,2,3],"b":null}`, `{"a":[],"b":{}}`, `{"a":[1,2,3,4],"b":nul}`)
	f.Add(`{"a":-1.5e3,"b":"\u00e9"}`, `{"a":-1.5e33,"b":"\u00e9\n"}`, `{"a":-1.5,"b":"\u00"}`)
	f.Add(`{"a":{"b":{"c":"d"}}}`, `{"a":{"b":{"c":"d"}}]`, `{"a":{"b":["c","d"]}}`)
	f.Add(`{"a":{}},1,"x"`, `{"a":{}}],"results":[{"a":{}}`, `{"a":{}}],"more":[{"a":{}}`)
	f.Fuzz(func(t *testing.T, a, b, c string) {
		var known outline
		for _, rows := range []string{a, a + "," + a, b, a + "," + b + "," + c, c, b + "," + a} {
			answer := fmt.Appendf(nil, `{"object":"list","results":[%s],"has_more":false}`, rows)
			var fresh outline
			value, err := known.parse(answer)
			freshValue, freshErr := fresh.parse(answer[:len(answer):len(answer)])
			if fmt.Sprint(err) != fmt.Sprint(freshErr) || string(value) != string(freshValue) {
				t.Fatalf("%s:\n%v\n%v", answer, err, freshErr)
			}
			if !slices.Equal(known.results, fresh.results) || !slices.Equal(known.members, fresh.members) {
				t.Fatalf("%s:\n%v %v\n%v %v", answer, known.results, known.members, fresh.results, fresh.members)
			}
		}
	})
}

// TestFamiliar: rows that are like the one before are compared with it.
func TestFamiliar(t *testing.T) {
	var o outline
	for i := range 3 {
		answer := fmt.Appendf(nil, `{"results":[%s,%s]}`, row(2*i, 35), row(2*i+1, 35))
		if _, err := o.parse(answer); err != nil {
			t.Fatal(err)
		}
		if size := len(row(2*i+1, 35)); o.familiar.followed < size/2 {
			t.Errorf("followed %d bytes of %d", o.familiar.followed, size)
		}
	}
}
