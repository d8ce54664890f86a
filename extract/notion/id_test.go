package notion

import "testing"

func TestParseID(t *testing.T) {
	const want, plain, view = "d8ee2d15-9ac3-4cfc-8582-7ba5a0a8ae71", "d8ee2d159ac34cfc85827ba5a0a8ae71", "c714dec3742440cc91a8c38914f83b6b"
	tests := []struct {
		in string
		ok bool
	}{
		{want, true},
		{plain, true},
		{"D8EE2D15-9AC3-4CFC-8582-7BA5A0A8AE71", true},
		{"  " + plain + "\n", true},
		{"https://www.notion.so/" + plain + "?v=" + view, true},
		{"https://www.notion.so/acme/My-Tasks-" + plain + "?v=" + view + "&pvs=4", true},
		{"https://app.notion.com/p/" + plain, true},
		{"https://app.notion.com/p/" + want, true},
		{"https://acme.notion.site/Tasks-" + plain + "#" + view, true},
		{"https://www.notion.so/Tasks-" + plain + "?d=" + view + "#block-" + view, true},
		{"https://www.notion.so/Other-" + view + "?p=" + plain + "&pm=c", true},
		{"https://www.notion.so/Tasks-" + plain + "/", true},
		{"notion://www.notion.so/Tasks-" + plain, true},
		{"collection://" + want, true},
		{"", false},
		{"123", false},
		{"zzee2d15-9ac3-4cfc-8582-7ba5a0a8ae71", false},
		{plain + "0", false},
		{"../" + plain, false},
		{"https://www.notion.so/../" + plain, false},
		{"https://www.notion.so/%2e%2e/" + plain, false},
		{"https://www.notion.so/", false},
		{"https://www.notion.so/?v=" + view, false},
		{"https://www.notion.so/x#" + view, false},
		{"www.notion.so/" + plain, false},
		{"javascript:" + plain, false},
	}
	for _, tt := range tests {
		got, err := ParseID(tt.in)
		if (err == nil) != tt.ok || tt.ok && got != want {
			t.Errorf("ParseID(%q) = %q, %v", tt.in, got, err)
		}
	}
}
