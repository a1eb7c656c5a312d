package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
)

const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// opening is the client's side of the handshake (RFC 6455 §4.1), worked out before anybody measures.
type opening struct {
	request []byte
	accept  []byte
}

func newOpening(j job) (*opening, error) {
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, err
	}
	key := base64.StdEncoding.EncodeToString(nonce[:])
	proof := sha1.Sum([]byte(key + acceptGUID))
	host := fmt.Sprintf("127.0.0.1:%d", j.Port)
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"User-Agent: upwire-bench\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", j.Target, host, host, key)
	return &opening{request: []byte(request), accept: []byte(base64.StdEncoding.EncodeToString(proof[:]))}, nil
}

var (
	lineEnd = []byte("\r\n")
	headEnd = []byte("\r\n\r\n")
)

// read returns how long the server's answer is, 0 as long as it is not complete.
func (o *opening) read(data []byte) (int, error) {
	end := bytes.Index(data, headEnd)
	if end == -1 {
		return 0, nil
	}
	status, headers, _ := bytes.Cut(data[:end], lineEnd)
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 101 ")) {
		return 0, fmt.Errorf("the handshake was answered with %s", status)
	}
	if !bytes.Equal(header(headers, "Sec-WebSocket-Accept"), o.accept) {
		return 0, errors.New("Sec-WebSocket-Accept is wrong")
	}
	if header(headers, "Sec-WebSocket-Extensions") != nil {
		return 0, errors.New("the server takes an extension that was not offered")
	}
	return end + len(headEnd), nil
}

func header(lines []byte, name string) []byte {
	for len(lines) > 0 {
		var line []byte
		line, lines, _ = bytes.Cut(lines, lineEnd)
		if len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return bytes.TrimSpace(line[len(name)+1:])
		}
	}
	return nil
}
