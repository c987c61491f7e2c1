package facts

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// humanBytes returns a size as Facter writes it: "23.54 GiB".
func humanBytes(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10) + " bytes"
	}
	units := [...]string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	f, i := float64(n), 0
	for math.Round(f*100)/100 >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	return fmt.Sprintf("%.2f %s", f, units[i])
}

// humanHertz returns a frequency as Facter writes it: "2.50 GHz".
func humanHertz(hz float64) string {
	units := [...]string{"Hz", "kHz", "MHz", "GHz", "THz"}
	i := 0
	for math.Round(hz*100)/100 >= 1000 && i < len(units)-1 {
		hz /= 1000
		i++
	}
	return fmt.Sprintf("%.2f %s", hz, units[i])
}

// decimal prints a number in its shortest form, but with a point: 0.5, 24105.0.
func decimal(f float64) string {
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// mebibytes returns a size for the legacy facts that end in _mb.
func mebibytes(n uint64) string { return decimal(float64(n) / (1 << 20)) }

// percent returns the part of used in all, as Facter writes it: "1.66%".
func percent(used, all uint64) string {
	switch {
	case all == 0 || used == all:
		return "100%"
	case used == 0:
		return "0%"
	}
	return fmt.Sprintf("%.2f%%", float64(used)/float64(all)*100)
}

// whole prints an unsigned number.
func whole[T ~int | ~int64 | ~uint64](n T) string { return fmt.Sprint(n) }

// put sets a fact unless its value is empty.
func put(m map[string]any, name, value string) {
	if value != "" {
		m[name] = value
	}
}

// putMap sets a structured fact unless it is empty.
func putMap(m map[string]any, name string, value map[string]any) {
	if len(value) > 0 {
		m[name] = value
	}
}
