// The clients of the cells in which those in Node would be what is measured: it does what src/driver does, for the
// workloads echo, connect and rate. One thread, epoll and raw system calls.
//
// The job is the first argument. A line of JSON for each stage goes out, the last ones with figures, and a line of input
// answers each, so that the other side can look at the server meanwhile; see src/go-clients.ts. All connections stay open
// until this program is ended.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
)

type job struct {
	Port     int
	Target   string
	SocketIo bool
	// What goes around the stamp in every message.
	Message string
	StampAt int
	Clients int
	// The workload: "closed", "rate" or "connect", and what it needs, as in src/driver/job.ts.
	Kind               string
	Groups             int
	PublishersPerGroup int
	InFlight           int
	PerSecond          float64
	Stopped            int
	Before             int
	WarmUpMs           float64
	WindowMs           float64
}

func main() {
	// There is next to nothing to collect, and one thread has the core.
	debug.SetGCPercent(-1)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var j job
	if len(os.Args) != 2 {
		return errors.New("one argument: the job as JSON")
	}
	if err := json.Unmarshal([]byte(os.Args[1]), &j); err != nil {
		return err
	}
	s, err := newSwarm(j)
	if err != nil {
		return err
	}
	switch j.Kind {
	case "closed":
		return s.closed()
	case "rate":
		return s.rate()
	case "connect":
		return s.connect()
	}
	return fmt.Errorf("there is no workload %q", j.Kind)
}

// askToGoOn tells of a stage, and lets the other side look at the server while nothing is under way.
func askToGoOn(stage any) error {
	if err := json.NewEncoder(os.Stdout).Encode(stage); err != nil {
		return err
	}
	_, err := os.Stdin.Read(make([]byte, 1))
	return err
}
