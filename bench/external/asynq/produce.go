package main

import (
	"encoding/json"
	"errors"
	"math/rand"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
)

const taskType = "bench"

type load struct {
	Count       int64    `json:"count"`
	Lanes       int      `json:"lanes"`
	Batch       int64    `json:"batch"`
	Queues      []string `json:"queues"`
	FillerBytes int      `json:"fillerBytes"`
	Stamped     bool     `json:"stamped"`
	Copies      int64    `json:"copies"`
	RestMs      float64  `json:"restMs"`
	Due         *due     `json:"due"`
	KeptForS    int      `json:"keptForS"`
	UniqueForS  int      `json:"uniqueForS"`
}

type due struct {
	AtMs     int64 `json:"atMs"`
	SpreadMs int64 `json:"spreadMs"`
}

type payload struct {
	UserID   int64  `json:"userId"`
	Template string `json:"template"`
	Filler   string `json:"filler,omitempty"`
	At       int64  `json:"at,omitempty"`
}

type produced struct {
	Accepted  int64 `json:"accepted"`
	ElapsedUs int64 `json:"elapsedUs"`
	CPUUs     int64 `json:"cpuUs"`
}

// produce enqueues a load. asynq has no call for many tasks: a batch is that many sequential calls.
func produce(client *asynq.Client, l load) (produced, error) {
	filler := strings.Repeat("x", l.FillerBytes)
	var next, accepted atomic.Int64
	var firstErr atomic.Value
	var lanes sync.WaitGroup
	lane := func() {
		defer lanes.Done()
		for {
			index := next.Add(1) - 1
			if index >= l.Count || firstErr.Load() != nil {
				return
			}
			task, options := newTask(l, index, filler)
			_, err := client.Enqueue(task, options...)
			if err == nil {
				accepted.Add(1)
			} else if !errors.Is(err, asynq.ErrDuplicateTask) {
				firstErr.CompareAndSwap(nil, err)
			}
			if l.RestMs > 0 {
				time.Sleep(time.Duration(l.RestMs * (0.5 + rand.Float64()) * float64(time.Millisecond)))
			}
		}
	}

	before := ownUsage()
	lanes.Add(l.Lanes)
	for range l.Lanes {
		go lane()
	}
	lanes.Wait()
	after := ownUsage()
	err, _ := firstErr.Load().(error)
	return produced{accepted.Load(), after.AtUs - before.AtUs, after.CPUUs - before.CPUUs}, err
}

func newTask(l load, index int64, filler string) (*asynq.Task, []asynq.Option) {
	p := payload{UserID: 12345, Template: "welcome", Filler: filler}
	options := []asynq.Option{asynq.Queue(l.Queues[index%int64(len(l.Queues))])}
	if l.Copies > 0 {
		p.UserID = index / l.Copies
	}
	if l.Stamped {
		p.At = nowUs()
	}
	if l.Due != nil {
		p.At = l.Due.AtMs + index*l.Due.SpreadMs/l.Count
		options = append(options, asynq.ProcessAt(time.UnixMilli(p.At)))
	}
	if l.KeptForS > 0 {
		options = append(options, asynq.Retention(time.Duration(l.KeptForS)*time.Second))
	}
	if l.UniqueForS > 0 {
		options = append(options, asynq.Unique(time.Duration(l.UniqueForS)*time.Second))
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return asynq.NewTask(taskType, text), options
}
