package main

import (
	"math/bits"
	"syscall"
	"time"
)

// Steps within one power of two: a value is known to about 1.5 %.
const stepBits = 6

// histogram counts durations in microseconds.
type histogram struct {
	counts [64 << stepBits]int
	total  int
}

func (h *histogram) add(d time.Duration) {
	us := int(d.Microseconds())
	bucket := us
	if exponent := bits.Len(uint(us)) - 1; exponent >= stepBits {
		shift := exponent - stepBits
		bucket = (shift+1)<<stepBits + us>>shift - 1<<stepBits
	}
	h.counts[bucket]++
	h.total++
}

// quantile is in milliseconds.
func (h *histogram) quantile(share float64) float64 {
	seen := 0
	for bucket, count := range h.counts {
		seen += count
		if count > 0 && float64(seen) >= share*float64(h.total) {
			shift := bucket>>stepBits - 1
			if shift < 0 {
				return float64(bucket) / 1000
			}
			return (float64(1<<stepBits+bucket&(1<<stepBits-1)) + 0.5) * float64(int(1)<<shift) / 1000
		}
	}
	return 0
}

// cpuUs is what this process has used.
func cpuUs() float64 {
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		panic(err)
	}
	return float64(own.Utime.Nano()+own.Stime.Nano()) / 1000
}
