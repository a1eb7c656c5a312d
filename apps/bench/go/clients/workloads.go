package main

import (
	"errors"
	"time"
)

const (
	// The server may still be busy with what follows its last 101.
	settling = 50 * time.Millisecond
	// For clients that had stopped, to read what lies in the way of a close.
	catchingUp = time.Second
)

// connect opens the rest behind the first ones.
func (s *swarm) connect() error {
	if err := s.open(s.job.Before); err != nil {
		return err
	}
	if err := askToGoOn("open"); err != nil {
		return err
	}
	start, cpuBefore := s.clock(), cpuUs()
	if err := s.open(s.job.Clients); err != nil {
		return err
	}
	seconds, driverUs := (s.now - start).Seconds(), cpuUs()-cpuBefore
	if err := s.listen(settling); err != nil {
		return err
	}
	return askToGoOn(map[string]float64{"seconds": seconds, "driverUs": driverUs, "closed": s.goneFrom(0)})
}

// closed lets every publisher have so many messages on their way, and send the next when all of its group have one.
func (s *swarm) closed() error {
	running := false
	return s.talk(s.job.Clients, s.job.InFlight, func(end time.Duration) func() {
		running = true
		s.traffic.onComplete = func(publisher int) {
			if running {
				s.send(publisher, s.now)
			}
		}
		isFirst := true
		return func() {
			running = s.now < end
			for publisher := 0; isFirst && publisher < len(s.traffic.sent); publisher++ {
				for i := 0; i < s.job.InFlight; i++ {
					s.send(publisher, s.now)
				}
			}
			isFirst = false
		}
	})
}

// rate sends so many messages per second, whatever comes back. The last clients do not read.
func (s *swarm) rate() error {
	j := s.job
	readers := j.Clients - j.Stopped
	// Room for every message of the run: a server that falls behind may have all of them outstanding.
	outstanding := int((j.WarmUpMs+j.WindowMs)/1000*j.PerSecond)/j.PublishersPerGroup + 64
	err := s.talk(readers, outstanding, func(end time.Duration) func() {
		start, sent := s.now, 0
		return func() {
			for {
				due := start + time.Duration(float64(sent)/j.PerSecond*float64(time.Second))
				if due >= end {
					s.due = 0
					return
				}
				if due > s.now {
					s.due = due
					return
				}
				s.send(sent%len(s.traffic.sent), due)
				sent++
			}
		}
	})
	if err != nil || j.Stopped == 0 {
		return err
	}
	// Only who reads learns that it was closed.
	s.traffic = nil
	for _, c := range s.clients[readers:] {
		if err := c.resumeReading(); err != nil {
			return err
		}
	}
	if err := s.listen(catchingUp); err != nil {
		return err
	}
	return askToGoOn(s.goneFrom(readers))
}

// talk is warm-up, then the window. Both end when everything has arrived, as in src/driver/measure.ts.
func (s *swarm) talk(readers, outstanding int, sending func(end time.Duration) func()) error {
	j := s.job
	if j.Groups*j.PublishersPerGroup > readers {
		return errors.New("more publishers than clients that read")
	}
	if err := s.open(j.Clients); err != nil {
		return err
	}
	for _, c := range s.clients[readers:] {
		if err := c.stopReading(); err != nil {
			return err
		}
	}
	if err := askToGoOn("open"); err != nil {
		return err
	}
	t := newTraffic(readers, j.Groups, j.PublishersPerGroup, outstanding)
	s.traffic = t
	if err := s.sendFor(j.WarmUpMs, sending); err != nil {
		return err
	}
	if err := askToGoOn("warm"); err != nil {
		return err
	}
	deliveredBefore, readsBefore := t.delivered, s.reads
	cpuBefore := cpuUs()
	t.windowFrom = s.clock()
	if err := s.sendFor(j.WindowMs, sending); err != nil {
		return err
	}
	return askToGoOn(map[string]float64{
		"deliveries": float64(t.delivered - deliveredBefore),
		"reads":      float64(s.reads - readsBefore),
		"seconds":    (s.lastDelivery - t.windowFrom).Seconds(),
		"driverUs":   cpuUs() - cpuBefore,
		"p50Ms":      t.latencies.quantile(0.5),
		"p99Ms":      t.latencies.quantile(0.99),
		"p999Ms":     t.latencies.quantile(0.999),
		"lost":       float64(t.lost + t.outstanding()),
		"disorders":  float64(t.disorders),
		"closed":     float64(t.closed),
	})
}

// sendFor lets the clients talk for a time, and returns when everything has come back, or nothing comes any more.
func (s *swarm) sendFor(ms float64, sending func(end time.Duration) func()) error {
	s.now = s.clock()
	s.lastDelivery = s.now
	end := s.now + time.Duration(ms*float64(time.Millisecond))
	send := sending(end)
	for isOver := false; !isOver || s.traffic.outstanding() > 0; {
		err := s.turn(func() {
			isOver = s.now >= end
			send()
		})
		if err != nil {
			return err
		}
		if isOver && s.now-s.lastDelivery > silence {
			return nil
		}
	}
	return nil
}

// listen reads for a time.
func (s *swarm) listen(d time.Duration) error {
	for end := s.clock() + d; s.clock() < end; {
		if err := s.turn(func() {}); err != nil {
			return err
		}
	}
	return nil
}
