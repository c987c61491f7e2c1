package main

import (
	"fmt"
	"time"

	"mcollective/bench/child"
)

// A series is one way to ask, again and again.
type series struct {
	ask           func() error
	answers       int // to one ask
	nodes, broker *child.Process

	times []time.Duration
	used  [3]time.Duration // processor time of nodes, broker and client
}

// inTurn times rounds of each series, one after the other.
func inTurn(rounds int, all ...*series) error {
	for i := range warmup + rounds {
		for _, s := range all {
			before, err := s.usage()
			if err != nil {
				return err
			}
			began := time.Now()
			if err := s.ask(); err != nil {
				return err
			}
			took := time.Since(began)
			after, err := s.usage()
			if err != nil {
				return err
			}
			if i < warmup {
				continue
			}
			s.times = append(s.times, took)
			for j := range s.used {
				s.used[j] += after[j] - before[j]
			}
		}
	}
	return nil
}

// usage is the processor time that everybody has used until now.
func (s *series) usage() (used [3]time.Duration, err error) {
	for i, p := range []*child.Process{s.nodes, s.broker} {
		u, err := p.Usage()
		if err != nil {
			return used, err
		}
		used[i] = u.CPU
	}
	used[2] = child.OwnCPU()
	return used, nil
}

// cpu is the processor time of one answer.
func (s *series) cpu() string {
	per := func(d time.Duration) float64 {
		return float64(d.Nanoseconds()) / 1000 / float64(s.answers*len(s.times))
	}
	return fmt.Sprintf("%5.1f µs (%.1f, %.1f, %.1f)", per(s.used[0]+s.used[1]+s.used[2]), per(s.used[0]), per(s.used[1]), per(s.used[2]))
}
