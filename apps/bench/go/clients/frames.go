package main

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Always the same: the benchmark has no cache to protect (RFC 6455 §10.3).
var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

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

// frames takes every frame that is complete. It returns where the rest begins.
func (c *client) frames(data []byte, at int) (int, error) {
	for len(data)-at >= 2 && c.state != gone {
		length := int(data[at+1])
		start := at + 2
		if length > 126 {
			return at, errors.New("a frame that is masked or too long")
		}
		if length == 126 {
			start += 2
			if len(data) < start {
				break
			}
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
	case first == 0x81 && c.state == greets:
		c.greeted(payload)
	case first == 0x81 && len(payload) == len(c.swarm.job.Message):
		c.swarm.message(c.index, payload)
	case first == 0x81 && string(payload) == "2" && c.swarm.job.SocketIo: // A ping of Engine.IO.
		c.send(masked(1, []byte("3")))
	case first == 0x89:
		c.send(masked(10, payload))
	case first == 0x8a:
	case first == 0x88:
		return c.ended(fmt.Sprintf("the server closed with %d", closeCode(payload)))
	default:
		return fmt.Errorf("a frame that begins with %#x has %d bytes: no message of ours", first, len(payload))
	}
	return nil
}

// greeted answers the open packet of Engine.IO, and waits for the connect packet of Socket.IO.
func (c *client) greeted(packet []byte) {
	if len(packet) > 0 && packet[0] == '0' {
		c.send(masked(1, []byte("40")))
	} else if len(packet) > 1 && string(packet[:2]) == "40" {
		c.opened()
	}
}

func closeCode(payload []byte) uint16 {
	if len(payload) < 2 {
		return 1005 // RFC 6455 §7.1.5
	}
	return binary.BigEndian.Uint16(payload)
}
