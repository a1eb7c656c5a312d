package main

import (
	"syscall"
	"unsafe"
)

// poller tells who can read. Its calls go past Go's scheduler, which has nothing else to run.
type poller struct {
	fd     int
	events []syscall.EpollEvent
	ready  []int
}

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return &poller{fd: fd, events: make([]syscall.EpollEvent, 256)}, err
}

// add watches a descriptor; wait will tell of it by the number of its client.
func (p *poller) add(fd, client int) error {
	return syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(client)})
}

func (p *poller) remove(fd int) error {
	return syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_DEL, fd, nil)
}

// wait returns the clients that can read; none when the milliseconds are over. The slice is used again.
func (p *poller) wait(ms int) ([]int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(ms), 0, 0)
	if errno == syscall.EINTR {
		n = 0
	} else if errno != 0 {
		return nil, errno
	}
	p.ready = p.ready[:0]
	for _, event := range p.events[:n] {
		p.ready = append(p.ready, int(event.Fd))
	}
	return p.ready, nil
}

func read(fd int, into []byte) (int, error) {
	return transfer(syscall.SYS_READ, fd, into)
}

func write(fd int, from []byte) (int, error) {
	return transfer(syscall.SYS_WRITE, fd, from)
}

func transfer(call uintptr, fd int, data []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
