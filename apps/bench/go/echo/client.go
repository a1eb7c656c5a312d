package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

const (
	acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	// As in src/driver/stamp.ts: characters of five bits, four for the sender and five for the number of the message.
	stampBytes = 9
	stampZero  = '0'
)

// Always the same: the benchmark has no cache to protect (RFC 6455 §10.3).
var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// Read into by every client in turn.
var chunk [256 * 1024]byte

type client struct {
	swarm *swarm
	index int
	fd    int
	// Or it would be closed as garbage.
	conn net.Conn
	rest []byte
	out  []byte
	// The next message to send and to get back, and when those under way were sent.
	sent    int
	next    int
	planned []time.Time
	isGone  bool
}

func openClient(s *swarm, index int) (*client, error) {
	address := fmt.Sprintf("127.0.0.1:%d", s.job.Port)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	rest, err := handshake(conn, address, s.job)
	if err != nil {
		return nil, err
	}
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &client{swarm: s, index: index, conn: conn, planned: make([]time.Time, s.job.InFlight)}
	c.rest = rest
	// A copy, which Go's own poller does not know.
	control := raw.Control(func(fd uintptr) { c.fd, err = syscall.Dup(int(fd)) })
	if control != nil || err != nil {
		return nil, fmt.Errorf("no descriptor: %v, %w", control, err)
	}
	if err := syscall.SetNonblock(c.fd, true); err != nil {
		return nil, err
	}
	return c, s.poll.add(c.fd, index)
}

// handshake returns what came behind the answer, up to the point at which the client may talk.
func handshake(conn net.Conn, host string, j job) ([]byte, error) {
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, err
	}
	key := base64.StdEncoding.EncodeToString(nonce[:])
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"User-Agent: upwire-bench\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", j.Target, host, host, key)
	reader := bufio.NewReader(conn)
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("the handshake was answered with %s", answer.Status)
	}
	proof := sha1.Sum([]byte(key + acceptGUID))
	if answer.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(proof[:]) {
		return nil, errors.New("Sec-WebSocket-Accept is wrong")
	}
	if j.SocketIo {
		if err := joinNamespace(conn, reader); err != nil {
			return nil, err
		}
	}
	rest := make([]byte, reader.Buffered())
	_, err = io.ReadFull(reader, rest)
	return rest, err
}

// joinNamespace answers the open packet of Engine.IO and waits for the connect packet of Socket.IO.
func joinNamespace(conn net.Conn, reader *bufio.Reader) error {
	for {
		var header [2]byte
		if _, err := io.ReadFull(reader, header[:]); err != nil {
			return err
		}
		length := uint16(header[1])
		if length == 126 {
			if err := binary.Read(reader, binary.BigEndian, &length); err != nil {
				return err
			}
		}
		packet := make([]byte, length)
		if _, err := io.ReadFull(reader, packet); err != nil {
			return err
		}
		if strings.HasPrefix(string(packet), "40") {
			return nil
		}
		if _, err := conn.Write(masked(1, []byte("40"))); err != nil {
			return err
		}
	}
}

func masked(opcode byte, payload []byte) []byte {
	frame := []byte{0x80 | opcode, 0x80 | byte(len(payload))}
	if len(payload) > 125 {
		frame = binary.BigEndian.AppendUint16([]byte{0x80 | opcode, 0x80 | 126}, uint16(len(payload)))
	}
	frame = append(frame, mask[:]...)
	for i, b := range payload {
		frame = append(frame, b^mask[i&3])
	}
	return frame
}

// queue adds the next messages to what leaves with the next flush.
func (c *client) queue(count int) {
	s := c.swarm
	if c.isGone {
		return
	}
	for i := 0; i < count; i++ {
		c.planned[c.sent%len(c.planned)] = s.now
		start := len(c.out)
		c.out = append(c.out, s.frame...)
		stamp(c.out[start+s.stampAt:], s.job.StampAt, c.index, c.sent)
		c.sent++
	}
	s.sent += count
}

// stamp writes the masked stamp of a message, whose first byte is the at-th of its payload.
func stamp(to []byte, at, publisher, sequence int) {
	for i := 0; i < 4; i++ {
		to[i] = stampZero + byte(publisher>>(15-5*i)&31)
	}
	for i := 0; i < 5; i++ {
		to[4+i] = stampZero + byte(sequence>>(20-5*i)&31)
	}
	for i := 0; i < stampBytes; i++ {
		to[i] ^= mask[(at+i)&3]
	}
}

func (c *client) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	n, err := write(c.fd, c.out)
	if err == nil && n < len(c.out) {
		err = errors.New("the server reads too slowly for a driver without a queue")
	}
	c.out = c.out[:0]
	return err
}

func (c *client) read() error {
	n, err := read(c.fd, chunk[:])
	if err == syscall.EAGAIN {
		return nil
	}
	if err != nil || n == 0 {
		return c.gone()
	}
	c.swarm.reads++
	data := chunk[:n]
	if len(c.rest) > 0 {
		data = append(c.rest, data...)
	}
	before := c.next
	at, err := c.frames(data)
	if err != nil {
		return err
	}
	c.rest = append([]byte(nil), data[at:]...)
	if c.isGone {
		return nil
	}
	if c.swarm.running {
		c.queue(c.next - before)
	}
	return c.flush()
}

// frames takes every frame that is complete. It returns where the rest begins.
func (c *client) frames(data []byte) (int, error) {
	at := 0
	for len(data)-at >= 2 {
		short := int(data[at+1])
		start := at + 2
		if short == 126 {
			start += 2
		}
		if short > 126 {
			return at, errors.New("a frame that is masked or too long")
		}
		if len(data) < start {
			break
		}
		length := short
		if short == 126 {
			length = int(binary.BigEndian.Uint16(data[at+2:]))
		}
		if len(data) < start+length {
			break
		}
		if err := c.frame(data[at], data[start:start+length]); err != nil {
			return at, err
		}
		at = start + length
	}
	return at, nil
}

func (c *client) frame(first byte, payload []byte) error {
	switch {
	case first == 0x81 && len(payload) == len(c.swarm.job.Message):
		c.message(payload)
	case first == 0x81 && string(payload) == "2": // A ping of Engine.IO.
		c.out = append(c.out, masked(1, []byte("3"))...)
	case first == 0x89:
		c.out = append(c.out, masked(10, payload)...)
	case first == 0x8a:
	case first == 0x88:
		return c.gone()
	default:
		return fmt.Errorf("a frame that begins with %#x has %d bytes: no message of ours", first, len(payload))
	}
	return nil
}

func (c *client) message(payload []byte) {
	s := c.swarm
	publisher, sequence := 0, 0
	stampAt := s.job.StampAt
	for _, digit := range payload[stampAt : stampAt+4] {
		publisher = publisher<<5 | int(digit-stampZero)
	}
	for _, digit := range payload[stampAt+4 : stampAt+stampBytes] {
		sequence = sequence<<5 | int(digit-stampZero)
	}
	around := bytes.HasPrefix(payload, s.before) && bytes.HasSuffix(payload, s.behind)
	if !around || publisher != c.index || sequence < c.next || sequence >= c.sent {
		s.disorders++
		return
	}
	if sequence > c.next {
		s.disorders++
		s.lost += sequence - c.next
	}
	c.next = sequence + 1
	s.delivered++
	s.lastDelivery = s.now
	planned := c.planned[sequence%len(c.planned)]
	if !planned.Before(s.windowFrom) && !s.windowFrom.IsZero() {
		s.latencies.add(s.now.Sub(planned))
	}
}

func (c *client) gone() error {
	s := c.swarm
	s.closed++
	s.lost += c.sent - c.next
	c.isGone = true
	return s.poll.remove(c.fd)
}
