package main

import (
	"fmt"
	"math/bits"
	"os"
	"strconv"
	"strings"
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

// sight is what both processes had used, and what had happened, at one moment.
type sight struct {
	at        time.Time
	totalUs   float64
	userUs    float64
	driverUs  float64
	delivered int
	reads     int
}

func lookAt(s *swarm) (sight, error) {
	totalUs, userUs, err := serverCPU(s.job.Pid)
	if err != nil {
		return sight{}, err
	}
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return sight{}, err
	}
	driverUs := float64(own.Utime.Nano()+own.Stime.Nano()) / 1000
	return sight{time.Now(), totalUs, userUs, driverUs, s.delivered, s.reads}, nil
}

// serverCPU is that of all threads. The total is exact; how much of it was user time is known in ticks of 10 ms.
func serverCPU(pid int) (totalUs, userUs float64, err error) {
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	entries, err := os.ReadDir(tasks)
	if err != nil {
		return 0, 0, err
	}
	for _, entry := range entries {
		line, err := os.ReadFile(tasks + "/" + entry.Name() + "/schedstat")
		if err != nil {
			return 0, 0, err
		}
		ns, err := strconv.ParseFloat(strings.Fields(string(line))[0], 64)
		if err != nil {
			return 0, 0, err
		}
		totalUs += ns / 1000
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	// Fields 14 and 15 of proc(5), counted behind the name, which may hold spaces.
	var user, system float64
	behindName := strings.Fields(string(stat[strings.LastIndex(string(stat), ") ")+2:]))
	if _, err := fmt.Sscan(behindName[11]+" "+behindName[12], &user, &system); err != nil {
		return 0, 0, err
	}
	if user+system > 0 {
		userUs = totalUs * user / (user + system)
	}
	return totalUs, userUs, nil
}

func rssMb(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(status), "\n") {
		if strings.HasPrefix(line, "VmRSS:") {
			kib, err := strconv.ParseFloat(strings.Fields(line)[1], 64)
			return kib * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("process %d has no resident size", pid)
}
