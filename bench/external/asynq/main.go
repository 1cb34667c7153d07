// asynq runs Go's asynq as a program of the benchmark; bench/program/protocol.ts describes its requests and replies.
//
//	asynq [-servers 4] redis://127.0.0.1:6379
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"

	"github.com/hibiken/asynq"
	"golang.org/x/sys/unix"
)

// replies is the descriptor that the benchmark reads.
const replies = 3

type request struct {
	Op      string  `json:"op"`
	Load    load    `json:"load"`
	Service service `json:"service"`
}

type usage struct {
	AtUs  int64 `json:"atUs"`
	CPUUs int64 `json:"cpuUs"`
}

type session struct {
	redis   asynq.RedisConnOpt
	servers int
	client  *asynq.Client
	worker  *worker
	out     *lines
}

func main() {
	servers := flag.Int("servers", 1, "servers in the process, which share its concurrency")
	flag.Parse()
	redis, err := asynq.ParseRedisURI(flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	s := &session{redis: redis, servers: *servers, out: &lines{file: os.NewFile(replies, "replies")}}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		reply, err := s.run(in.Bytes())
		if err != nil {
			s.out.write(map[string]any{"error": err.Error()})
		} else {
			s.out.write(map[string]any{"reply": reply})
		}
	}
}

func (s *session) run(line []byte) (any, error) {
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, err
	}
	switch r.Op {
	case "produce":
		if s.client == nil {
			s.client = asynq.NewClient(s.redis)
		}
		return produce(s.client, r.Load)
	case "serve":
		s.worker = newWorker(r.Service, s.out)
		return nil, s.worker.start(s.redis, s.servers)
	case "report":
		return s.worker.report(), nil
	case "usage":
		return ownUsage(), nil
	case "stop":
		return s.stop()
	}
	return nil, fmt.Errorf("unknown request %q", r.Op)
}

func (s *session) stop() (any, error) {
	if s.client != nil {
		if err := s.client.Close(); err != nil {
			return nil, err
		}
	}
	if s.worker == nil {
		return nil, nil
	}
	s.worker.shutdown()
	return s.worker.report(), nil
}

// nowUs reads the clock that all processes of the machine share.
func nowUs() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano() / 1000
}

func ownUsage() usage {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return usage{AtUs: nowUs(), CPUUs: (used.Utime.Nano() + used.Stime.Nano()) / 1000}
}

// lines writes JSON lines from many goroutines.
type lines struct {
	mu   sync.Mutex
	file *os.File
}

func (l *lines) write(line any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(append(text, '\n')); err != nil {
		panic(err)
	}
}
