// Package bench measures package marshal against Ruby's own implementation,
// which is written in C, on messages captured from Ruby MCollective.
//
//	go test -bench . -benchmem ./bench/marshal
//
// Each line is one operation in Go. cpu-ns/op is the processor time it takes,
// garbage collection on all processors included; ruby-ns/op the same in Ruby,
// measured in the same run; x-ruby how many times as fast Go is. Processor time
// is compared, not time on the clock, so that a busy machine treats both alike.
// It needs ruby in PATH.
package bench
