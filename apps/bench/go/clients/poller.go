package main

import (
	"syscall"
	"unsafe"
)

// poller tells who can read, and who can write. Its calls go past Go's scheduler, which has nothing else to run.
type poller struct {
	fd     int
	events []syscall.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return &poller{fd: fd, events: make([]syscall.EpollEvent, 256)}, err
}

// add watches a descriptor; wait will tell of it by the number of its client. What is closed is watched no longer.
func (p *poller) add(fd, client int, events uint32) error {
	return p.control(syscall.EPOLL_CTL_ADD, fd, client, events)
}

func (p *poller) change(fd, client int, events uint32) error {
	return p.control(syscall.EPOLL_CTL_MOD, fd, client, events)
}

func (p *poller) remove(fd int) error {
	return p.control(syscall.EPOLL_CTL_DEL, fd, 0, 0)
}

func (p *poller) control(operation, fd, client int, events uint32) error {
	event := syscall.EpollEvent{Events: events, Fd: int32(client)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(p.fd), uintptr(operation), uintptr(fd), uintptr(unsafe.Pointer(&event)), 0, 0)
	return orNil(errno)
}

// wait returns what has happened; nothing when the milliseconds are over. The slice is used again.
func (p *poller) wait(ms int) ([]syscall.EpollEvent, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(ms), 0, 0)
	if errno == syscall.EINTR {
		return nil, nil
	}
	return p.events[:n], orNil(errno)
}

func read(fd int, into []byte) (int, error) {
	return transfer(syscall.SYS_READ, fd, into)
}

func write(fd int, from []byte) (int, error) {
	return transfer(syscall.SYS_WRITE, fd, from)
}

// dial starts to connect. It tells of its success or failure as a socket that can be written to.
func dial(from, to address) (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return 0, err
	}
	// Closing is a reset, so that no port stays in TIME_WAIT.
	if err := syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1}); err != nil {
		return 0, err
	}
	if from != (address{}) {
		if _, err := transfer(syscall.SYS_BIND, fd, from[:]); err != nil {
			return 0, err
		}
	}
	if _, err := transfer(syscall.SYS_CONNECT, fd, to[:]); err != nil && err != syscall.EINPROGRESS {
		return 0, err
	}
	return fd, nil
}

// address is a sockaddr_in, see ip(7).
type address [16]byte

func loopback(host byte, port int) address {
	return address{syscall.AF_INET, 0, byte(port >> 8), byte(port), 127, 0, 0, host}
}

func transfer(call uintptr, fd int, data []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)))
	return int(n), orNil(errno)
}

func orNil(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
