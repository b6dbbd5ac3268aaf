package clipboard

import (
	"testing"
	"testing/synctest"
)

// The helper of a copy that is being cleared meets the same secret again: put back by
// a clipboard manager, or copied anew by the user.
func TestClear_LeavesANewerCopyOfTheSameSecret(t *testing.T) {
	for name, newer := range map[string]bool{"put back": false, "copied anew": true} {
		synctest.Test(t, func(t *testing.T) {
			holds, written := true, 0
			err := clearWhileThere(
				func() bool { return newer && written > 0 },
				func() (bool, error) { return holds, nil },
				func(string) error {
					written++
					holds = written == 1 // it is there again after the first time
					return nil
				})
			if want := map[bool]int{false: 2, true: 1}[newer]; err != nil || written != want {
				t.Errorf("%s: overwritten %d times, want %d, %v", name, written, want, err)
			}
		})
	}
}
