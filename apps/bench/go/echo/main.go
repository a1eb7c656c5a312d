// The clients of the echo cells, for servers that answer faster than a driver in Node can read. It does what src/driver does
// in a closed workload: every client has so many messages on their way, checks the order of what comes back byte by byte, and
// sends the next one for each. One thread, epoll and raw system calls, so that there is always somebody awake to read.
//
// The job is the first argument and the figures are the last line of the output, both in JSON; see src/echo-driver.ts. The
// first line says that the server is warm, and that a line of input starts the window.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

type job struct {
	Port     int
	Target   string
	SocketIo bool
	// What goes around the stamp in every message.
	Message  string
	StampAt  int
	Clients  int
	InFlight int
	WarmUpMs float64
	WindowMs float64
}

// So long without a delivery, and what is missing counts as lost.
const silence = 10 * time.Second

type swarm struct {
	job     job
	poll    *poller
	clients []*client
	// A whole frame, where its stamp is, and what the payload has to hold around that.
	frame   []byte
	stampAt int
	before  []byte
	behind  []byte
	running bool
	// When the chunk that is being read came.
	now        time.Time
	windowFrom time.Time
	latencies  histogram
	reads      int
	sent       int
	delivered  int
	// What will not come any more: skipped, or meant for a client that is gone.
	lost         int
	disorders    int
	closed       int
	lastDelivery time.Time
}

func main() {
	// There is next to nothing to collect, and one thread has the core.
	debug.SetGCPercent(-1)
	var j job
	if len(os.Args) != 2 {
		fail(errors.New("one argument: the job as JSON"))
	}
	if err := json.Unmarshal([]byte(os.Args[1]), &j); err != nil {
		fail(err)
	}
	figures, err := measure(j)
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(figures); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func newSwarm(j job, poll *poller) *swarm {
	frame := masked(1, []byte(j.Message))
	return &swarm{
		job:     j,
		poll:    poll,
		frame:   frame,
		stampAt: len(frame) - len(j.Message) + j.StampAt,
		before:  []byte(j.Message[:j.StampAt]),
		behind:  []byte(j.Message[j.StampAt+stampBytes:]),
	}
}

func measure(j job) (map[string]float64, error) {
	poll, err := newPoller()
	if err != nil {
		return nil, err
	}
	s := newSwarm(j, poll)
	for i := 0; i < j.Clients; i++ {
		c, err := openClient(s, i)
		if err != nil {
			return nil, fmt.Errorf("client %d: %w", i, err)
		}
		s.clients = append(s.clients, c)
	}
	if err := s.sendFor(j.WarmUpMs); err != nil {
		return nil, err
	}
	if err := s.askToGoOn(); err != nil {
		return nil, err
	}
	deliveredBefore, readsBefore := s.delivered, s.reads
	s.windowFrom = time.Now()
	if err := s.sendFor(j.WindowMs); err != nil {
		return nil, err
	}
	driverUs, err := cpuUs()
	return map[string]float64{
		"deliveries": float64(s.delivered - deliveredBefore),
		"reads":      float64(s.reads - readsBefore),
		"seconds":    s.lastDelivery.Sub(s.windowFrom).Seconds(),
		"driverUs":   driverUs,
		"p50Ms":      s.latencies.quantile(0.5),
		"p99Ms":      s.latencies.quantile(0.99),
		"p999Ms":     s.latencies.quantile(0.999),
		"lost":       float64(s.sent - s.delivered),
		"disorders":  float64(s.disorders),
		"closed":     float64(s.closed),
	}, err
}

// askToGoOn lets the other side look at the server while nothing is under way, and says what this process has used.
func (s *swarm) askToGoOn() error {
	driverUs, err := cpuUs()
	if err != nil {
		return err
	}
	fmt.Println(driverUs)
	_, err = os.Stdin.Read(make([]byte, 1))
	return err
}

// sendFor lets the clients talk for a time, and returns when everything has come back, or nothing comes any more.
func (s *swarm) sendFor(ms float64) error {
	s.running = true
	s.now = time.Now()
	end := s.now.Add(time.Duration(ms * float64(time.Millisecond)))
	for _, c := range s.clients {
		c.queue(s.job.InFlight)
		if err := c.flush(); err != nil {
			return err
		}
	}
	s.lastDelivery = s.now
	for s.running || s.sent > s.delivered+s.lost {
		ready, err := s.poll.wait(100)
		if err != nil {
			return err
		}
		s.now = time.Now()
		s.running = s.running && s.now.Before(end)
		for _, client := range ready {
			if err := s.clients[client].read(); err != nil {
				return err
			}
		}
		if len(ready) == 0 && s.now.Sub(s.lastDelivery) > silence {
			return nil
		}
	}
	return nil
}
