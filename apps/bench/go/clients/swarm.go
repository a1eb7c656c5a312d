package main

import (
	"bytes"
	"fmt"
	"time"
)

const (
	openingAtOnce = 64
	// So long without a delivery, and what is missing counts as lost; so long without a 101, and the server is no use.
	silence = 10 * time.Second
	// Nobody sleeps longer, to see the end of the window.
	longestSleep = 100 * time.Millisecond
)

// swarm is all clients of one measurement.
type swarm struct {
	job     job
	poll    *poller
	clients []*client
	// Who has something to send.
	dirty []*client
	// A whole frame, where its stamp is, and what the payload has to hold around that.
	frame   []byte
	stampAt int
	before  []byte
	behind  []byte
	// Nothing that comes is counted without it.
	traffic *traffic
	// When the chunk that is being read came, and when the last delivery did.
	started      time.Time
	now          time.Duration
	lastDelivery time.Duration
	// When the next message is to be sent, if that is planned.
	due       time.Duration
	isOpening bool
	opened    int
	reads     int
	// Read into by every client in turn, so that reading allocates nothing.
	chunk [maxFrameBytes + chunkBytes]byte
}

func newSwarm(j job) (*swarm, error) {
	poll, err := newPoller()
	if err != nil {
		return nil, err
	}
	frame := masked(1, []byte(j.Message))
	s := &swarm{
		job:     j,
		poll:    poll,
		frame:   frame,
		stampAt: len(frame) - len(j.Message) + j.StampAt,
		before:  []byte(j.Message[:j.StampAt]),
		behind:  []byte(j.Message[j.StampAt+stampBytes:]),
		started: time.Now(),
	}
	for i := 0; i < j.Clients; i++ {
		c, err := newClient(s, i)
		if err != nil {
			return nil, err
		}
		s.clients = append(s.clients, c)
	}
	return s, nil
}

func (s *swarm) clock() time.Duration {
	return time.Since(s.started)
}

// open goes on until the first clients, so many, are open. It fails when one is refused, or closed meanwhile.
func (s *swarm) open(count int) error {
	s.isOpening = true
	next, seen, since := s.opened, s.opened, s.clock()
	for s.opened < count {
		var err error
		if next, err = s.connectFrom(next, count); err != nil {
			return err
		}
		if err := s.turn(func() {}); err != nil {
			return err
		}
		if s.opened > seen {
			seen, since = s.opened, s.now
		} else if s.now-since > silence {
			return fmt.Errorf("the server leaves handshakes unanswered behind client %d", s.opened)
		}
	}
	s.isOpening = false
	return nil
}

// connectFrom lets the next clients connect, as many as may at once. It returns who is next then.
func (s *swarm) connectFrom(next, end int) (int, error) {
	if s.opened+openingAtOnce < end {
		end = s.opened + openingAtOnce
	}
	for ; next < end; next++ {
		if err := s.clients[next].connect(); err != nil {
			return next, err
		}
	}
	return next, nil
}

// turn does once what there is to do: sending what is due, reading from all who can, answering.
func (s *swarm) turn(send func()) error {
	ready, err := s.poll.wait(s.patience())
	if err != nil {
		return err
	}
	s.now = s.clock()
	send()
	for _, event := range ready {
		if err := s.clients[event.Fd].ready(event.Events); err != nil {
			return err
		}
	}
	// It may grow meanwhile: who turns out to be gone completes messages of others.
	for i := 0; i < len(s.dirty); i++ {
		if err := s.dirty[i].flush(); err != nil {
			return err
		}
	}
	s.dirty = s.dirty[:0]
	return nil
}

// patience is how long to wait for something to read, in milliseconds. The last one before a message is due is not slept away.
func (s *swarm) patience() int {
	left := longestSleep
	if s.due != 0 {
		left = s.due - s.clock()
	}
	if left < 0 {
		return 0
	}
	return int(left / time.Millisecond)
}

// send queues a message.
func (s *swarm) send(publisher int, planned time.Duration) {
	c := s.clients[s.traffic.clientOf(publisher)]
	sequence := s.traffic.sending(publisher, planned)
	start := len(c.out)
	c.send(s.frame)
	if len(c.out) > start {
		writeStamp(c.out[start+s.stampAt:], s.job.StampAt, publisher, sequence)
	}
}

// message takes one that a client got.
func (s *swarm) message(reader int, payload []byte) {
	if s.traffic == nil {
		return
	}
	stamp := payload[s.job.StampAt : s.job.StampAt+stampBytes]
	if !bytes.HasPrefix(payload, s.before) || !bytes.HasSuffix(payload, s.behind) {
		s.traffic.disorders++
		return
	}
	publisher, sequence := readStamp(stamp)
	s.lastDelivery = s.now
	s.traffic.deliver(reader, publisher, sequence, s.now)
}

func (s *swarm) lostClient(index int, why string) error {
	if s.isOpening {
		return fmt.Errorf("client %d: %s", index, why)
	}
	if s.traffic != nil {
		s.traffic.dropped(index)
	}
	return nil
}

// goneFrom is how many clients the server has closed, of those from first on.
func (s *swarm) goneFrom(first int) float64 {
	count := 0
	for _, c := range s.clients[first:] {
		if c.state == gone {
			count++
		}
	}
	return float64(count)
}
