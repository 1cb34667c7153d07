package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
)

// retryDelay delays failed tasks beyond the end of the figure.
const retryDelay = time.Hour

type service struct {
	Queues      map[string]int `json:"queues"`
	Concurrency int            `json:"concurrency"`
	Marks       []int64        `json:"marks"`
	FailEach    int64          `json:"failEach"`
	HasResult   bool           `json:"hasResult"`
	LatencyFrom string         `json:"latencyFrom"`
}

type mark struct {
	Handled  int64            `json:"handled"`
	PerQueue map[string]int64 `json:"perQueue"`
	usage
}

type report struct {
	Handled     int64     `json:"handled"`
	LatenciesMs []float64 `json:"latenciesMs"`
}

// worker is the handler of a service with its measurements. The lock is taken only if a figure needs more than a count.
type worker struct {
	service service
	out     *lines
	servers []*asynq.Server
	handled atomic.Int64

	mu          sync.Mutex
	perQueue    map[string]int64
	latenciesMs []float64
}

func newWorker(s service, out *lines) *worker {
	return &worker{service: s, out: out, perQueue: map[string]int64{}, latenciesMs: []float64{}}
}

// start divides the concurrency among the servers.
func (w *worker) start(redis asynq.RedisConnOpt, servers int) error {
	servers = min(servers, w.service.Concurrency)
	for n := range servers {
		server := asynq.NewServer(redis, asynq.Config{
			Concurrency:    (w.service.Concurrency + n) / servers,
			Queues:         w.service.Queues,
			RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return retryDelay },
		})
		if err := server.Start(asynq.HandlerFunc(w.handle)); err != nil {
			return err
		}
		w.servers = append(w.servers, server)
	}
	return nil
}

func (w *worker) shutdown() {
	var ending sync.WaitGroup
	for _, server := range w.servers {
		ending.Add(1)
		go func() {
			defer ending.Done()
			server.Shutdown()
		}()
	}
	ending.Wait()
}

func (w *worker) handle(ctx context.Context, task *asynq.Task) error {
	handled := w.handled.Add(1)
	for _, at := range w.service.Marks {
		if handled == at {
			w.mark(handled)
		}
	}
	var p payload
	if err := json.Unmarshal(task.Payload(), &p); err != nil {
		return err
	}
	w.note(ctx, p)
	if w.service.FailEach > 0 && p.UserID%w.service.FailEach == 0 {
		return errors.New("the receiver does not answer")
	}
	if w.service.HasResult {
		result, err := json.Marshal(map[string]any{"sentTo": p.UserID, "ok": true})
		if err != nil {
			return err
		}
		_, err = task.ResultWriter().Write(result)
		return err
	}
	return nil
}

func (w *worker) mark(handled int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out.write(map[string]any{"mark": mark{handled, w.perQueue, ownUsage()}})
}

func (w *worker) note(ctx context.Context, p payload) {
	if len(w.service.Queues) == 1 && w.service.LatencyFrom == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if queue, ok := asynq.GetQueueName(ctx); ok {
		w.perQueue[queue]++
	}
	switch w.service.LatencyFrom {
	case "call":
		w.latenciesMs = append(w.latenciesMs, float64(nowUs()-p.At)/1000)
	case "due":
		w.latenciesMs = append(w.latenciesMs, float64(time.Now().UnixMilli()-p.At))
	}
}

func (w *worker) report() report {
	w.mu.Lock()
	defer w.mu.Unlock()
	return report{w.handled.Load(), w.latenciesMs}
}
