package words_test

import (
	"testing"

	"github.com/charmbracelet/x/ansi"

	"kitekey/ui/words"
)

func TestNames_KeepWhatDiffers(t *testing.T) {
	for _, tt := range []struct {
		names []string
		w     int
		apart int
	}{
		{[]string{"merchant-000-with-a-long-name-eu", "merchant-001-with-a-long-name-eu"}, 14, 2},
		{[]string{"merchant-000-with-a-long-name-eu", "merchant-000-with-a-long-name-us"}, 14, 2},
		{[]string{"000-of-a-very-long-name-of-many-eu", "001-of-a-very-long-name-of-many-eu"}, 12, 2},
		{[]string{"short", "000-of-a-very-long-name-of-many-eu"}, 12, 2},
		{[]string{"珊瑚商店珊瑚商店珊瑚商店東京", "珊瑚商店珊瑚商店珊瑚商店大阪"}, 9, 2},
		{[]string{"merchant-011-payments-emea", "merchant-012-payments-emea", "merchant-021-payments-emea"}, 11, 3},
		{[]string{"aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaabaaaaaaaaaaaaa"}, 1, 1},
	} {
		var names words.Names
		seen := map[string]bool{}
		names.Set(len(tt.names), func(i int) string { return tt.names[i] })
		for _, n := range tt.names {
			short := names.Short(ansi.WcWidth, n, tt.w, "…")
			if got := ansi.StringWidthWc(short); got > tt.w {
				t.Errorf("%q is %d cells, more than %d", short, got, tt.w)
			}
			seen[short] = true
		}
		if len(seen) != tt.apart {
			t.Errorf("%q in %d cells: %v", tt.names, tt.w, seen)
		}
	}
}
