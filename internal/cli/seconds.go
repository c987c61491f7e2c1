package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Seconds is a flag for a stretch of time: a number of seconds as Ruby takes
// them, also with a fraction, or a Go duration like 500ms.
type Seconds struct {
	time.Duration
	IsSet bool
}

// longestWait keeps deadlines far from overflow; it is more than a year.
const longestWait = 400 * 24 * time.Hour

// Set reads the value.
func (s *Seconds) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		// Forms like 1e3 and 0x5 are no numbers of seconds that people write.
		if strings.Trim(text, "0123456789.") != "" {
			return fmt.Errorf("not a number of seconds")
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("not a number of seconds")
		}
		d = time.Duration(min(f, longestWait.Seconds()+1) * float64(time.Second))
	}
	if d < 0 || d > longestWait {
		return fmt.Errorf("has to be between 0 and %.0f seconds", longestWait.Seconds())
	}
	s.Duration, s.IsSet = d, true
	return nil
}

func (s *Seconds) String() string {
	if s == nil || !s.IsSet {
		return ""
	}
	return s.Duration.String()
}

// Type returns the name of the value in help.
func (s *Seconds) Type() string { return "seconds" }

// Or returns the first of the flag's value and the defaults that is set, where 0
// among the defaults means that it is not.
func (s *Seconds) Or(defaults ...time.Duration) time.Duration {
	if s.IsSet {
		return s.Duration
	}
	for _, d := range defaults {
		if d > 0 {
			return d
		}
	}
	return 0
}
