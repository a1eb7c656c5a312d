package main

import (
	"errors"
	"fmt"
	"syscall"
)

const (
	// One address has about 28,000 ports to give, and the kernel is slow to find one when half of them are taken.
	clientsPerAddress = 10_000
	chunkBytes        = 256 * 1024
	// The longest frame without an eight-byte length.
	maxFrameBytes = 4 + 65_535
)

type state int

const (
	connecting state = iota
	opens
	// The 101 is there, and the protocol above wants its own greeting.
	greets
	open
	gone
)

// client is one WebSocket on a socket of its own.
type client struct {
	swarm   *swarm
	index   int
	fd      int
	state   state
	opening *opening
	// The beginning of a frame.
	rest []byte
	// What leaves with the next flush, and whether that waits until the socket takes more.
	out       []byte
	isBlocked bool
}

func newClient(s *swarm, index int) (*client, error) {
	handshake, err := newOpening(s.job)
	return &client{swarm: s, index: index, opening: handshake}, err
}

func (c *client) connect() error {
	var from address
	if c.index >= clientsPerAddress {
		from = loopback(byte(2+c.index/clientsPerAddress), 0)
	}
	fd, err := dial(from, loopback(1, c.swarm.job.Port))
	if err != nil {
		return fmt.Errorf("client %d: %w", c.index, err)
	}
	c.fd = fd
	return c.swarm.poll.add(fd, c.index, syscall.EPOLLOUT)
}

// ready is called when the socket can be read from, or written to, or has failed.
func (c *client) ready(events uint32) error {
	if c.state == connecting {
		c.state = opens
		c.send(c.opening.request)
		return c.swarm.poll.change(c.fd, c.index, syscall.EPOLLIN)
	}
	if c.isBlocked && events&syscall.EPOLLOUT != 0 {
		c.isBlocked = false
		c.swarm.dirty = append(c.swarm.dirty, c)
		if err := c.swarm.poll.change(c.fd, c.index, syscall.EPOLLIN); err != nil {
			return err
		}
	}
	if events&^syscall.EPOLLOUT != 0 {
		return c.read()
	}
	return nil
}

// send queues bytes for the next flush.
func (c *client) send(data []byte) {
	if c.state == gone {
		return
	}
	if len(c.out) == 0 {
		c.swarm.dirty = append(c.swarm.dirty, c)
	}
	c.out = append(c.out, data...)
}

func (c *client) flush() error {
	if c.state == gone || c.isBlocked || len(c.out) == 0 {
		return nil
	}
	n, err := write(c.fd, c.out)
	if err == syscall.EAGAIN {
		n = 0
	} else if err != nil {
		return c.ended(err.Error())
	}
	c.out = c.out[:copy(c.out, c.out[n:])]
	if len(c.out) == 0 {
		return nil
	}
	c.isBlocked = true
	return c.swarm.poll.change(c.fd, c.index, syscall.EPOLLIN|syscall.EPOLLOUT)
}

func (c *client) read() error {
	s := c.swarm
	// The beginning of a frame goes in front of what comes now.
	start := copy(s.chunk[:], c.rest)
	n, err := read(c.fd, s.chunk[start:start+chunkBytes])
	if err == syscall.EAGAIN {
		return nil
	}
	if err != nil {
		return c.ended(err.Error())
	}
	if n == 0 {
		return c.ended("the server ended TCP")
	}
	s.reads++
	s.now = s.clock()
	data := s.chunk[:start+n]
	at := 0
	if c.state == opens {
		if at, err = c.opening.read(data); err != nil {
			return c.ended(err.Error())
		}
		if at > 0 {
			c.answered()
		}
	}
	if c.state != opens {
		if at, err = c.frames(data, at); err != nil {
			return err
		}
	}
	if len(data)-at > maxFrameBytes {
		return errors.New("a handshake without an end")
	}
	c.rest = append(c.rest[:0], data[at:]...)
	return nil
}

func (c *client) answered() {
	c.opening = nil
	if c.swarm.job.SocketIo {
		c.state = greets
	} else {
		c.opened()
	}
}

func (c *client) opened() {
	c.state = open
	c.swarm.opened++
}

// stopReading makes it the client that every server has to survive.
func (c *client) stopReading() error {
	if c.state == gone {
		return nil
	}
	return c.swarm.poll.remove(c.fd)
}

func (c *client) resumeReading() error {
	if c.state == gone {
		return nil
	}
	return c.swarm.poll.add(c.fd, c.index, syscall.EPOLLIN)
}

// ended closes the socket. It is an error as long as clients connect.
func (c *client) ended(why string) error {
	if c.state == gone {
		return nil
	}
	c.state = gone
	if err := syscall.Close(c.fd); err != nil {
		return err
	}
	return c.swarm.lostClient(c.index, why)
}
