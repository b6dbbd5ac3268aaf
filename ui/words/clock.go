package words

import "time"

// skewTold is the clock skew beyond which the user is told. The gateway's Date
// header has whole seconds and a reply takes a moment, so a few seconds mean
// nothing. A token of one minute, the shortest preset, loses half its life to a
// clock that is wrong by 30 s.
const skewTold = 30 * time.Second

// ClockWrong reports whether this computer's clock is so wrong that the user must
// be told. skew is the gateway's clock minus the local one.
func ClockWrong(skew time.Duration) bool { return skew.Abs() > skewTold }

// Clock says how far this computer's clock is from the gateway's. A difference of a
// second or two is within the precision and is called exact.
func Clock(skew time.Duration) string {
	switch {
	case skew.Abs() <= 2*time.Second:
		return "clock exact"
	case skew < 0:
		return "this clock is " + roundly(skew) + " ahead"
	}
	return "this clock is " + roundly(skew) + " behind"
}

// ClockWarning says what a wrong clock means, "" if the clock is not wrong.
func ClockWarning(skew time.Duration) string {
	if !ClockWrong(skew) {
		return ""
	}
	side := " behind"
	if skew < 0 {
		side = " ahead of"
	}
	return "this computer's clock is " + roundly(skew) + side + " the gateway's; kitekey allows for it, other programs do not: set the clock"
}

// roundly writes a skew with no more precision than it is known with.
func roundly(d time.Duration) string {
	if d = d.Abs(); d >= time.Minute {
		d = d.Round(5 * time.Second)
	}
	return About(d)
}
