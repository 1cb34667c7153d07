package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hibiken/asynq"
)

// serverOptions configures the one server of a peer; zero values are left to asynq, except the retry delay.
type serverOptions struct {
	Queues                     map[string]int `json:"queues"`
	Concurrency                int            `json:"concurrency"`
	StrictPriority             bool           `json:"strictPriority"`
	TaskCheckIntervalMs        int64          `json:"taskCheckIntervalMs"`
	DelayedTaskCheckIntervalMs int64          `json:"delayedTaskCheckIntervalMs"`
	RetryDelayMs               int64          `json:"retryDelayMs"`
	ShutdownTimeoutMs          int64          `json:"shutdownTimeoutMs"`
	Aggregate                  string         `json:"aggregate"` // "sum" or "hang"; empty: groups are left alone
	GroupMaxSize               int            `json:"groupMaxSize"`
}

// handled reports one attempt.
type handled struct {
	ID      string            `json:"id"`
	Type    string            `json:"type"`
	Queue   string            `json:"queue"`
	Payload []byte            `json:"payload"`
	Headers map[string]string `json:"headers"`
	Retried int               `json:"retried"`
	Error   string            `json:"error,omitempty"`
	AtMs    int64             `json:"atMs"`
}

func serve(p *peer, request json.RawMessage) (any, error) {
	var opts serverOptions
	if err := json.Unmarshal(request, &opts); err != nil {
		return nil, err
	}
	if p.server != nil {
		return nil, errors.New("serving already")
	}
	config := asynq.Config{
		Queues:                   opts.Queues,
		Concurrency:              opts.Concurrency,
		StrictPriority:           opts.StrictPriority,
		TaskCheckInterval:        millis(opts.TaskCheckIntervalMs),
		DelayedTaskCheckInterval: millis(opts.DelayedTaskCheckIntervalMs),
		ShutdownTimeout:          millis(opts.ShutdownTimeoutMs),
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return millis(opts.RetryDelayMs) },
		LogLevel:                 asynq.ErrorLevel,
	}
	if opts.Aggregate != "" {
		config.GroupAggregator = asynq.GroupAggregatorFunc(aggregators[opts.Aggregate])
		config.GroupGracePeriod = time.Second
		config.GroupMaxSize = opts.GroupMaxSize
	}
	p.server = asynq.NewServer(p.redis, config)
	return nil, p.server.Start(asynq.HandlerFunc(p.handle))
}

var aggregators = map[string]func(string, []*asynq.Task) *asynq.Task{
	"sum": func(_ string, tasks []*asynq.Task) *asynq.Task { // a JSON array of the payloads
		payloads := make([][]byte, len(tasks))
		for i, task := range tasks {
			payloads[i] = task.Payload()
		}
		joined := bytes.Join(payloads, []byte(","))
		return asynq.NewTask("sum:succeed", append(append([]byte("["), joined...), ']'))
	},
	"hang": func(string, []*asynq.Task) *asynq.Task { select {} },
}

func shutdown(p *peer, _ json.RawMessage) (any, error) {
	if p.server == nil {
		return nil, errors.New("not serving")
	}
	p.server.Shutdown()
	p.server = nil
	return nil, nil
}

// handle does what the last part of the task's type says, and reports the attempt when it has ended.
func (p *peer) handle(ctx context.Context, task *asynq.Task) error {
	id, _ := asynq.GetTaskID(ctx)
	queue, _ := asynq.GetQueueName(ctx)
	retried, _ := asynq.GetRetryCount(ctx)

	err := p.behave(ctx, task, queue, retried)

	report := handled{
		ID: id, Type: task.Type(), Queue: queue, Payload: task.Payload(), Headers: task.Headers(),
		Retried: retried, AtMs: time.Now().UnixMilli(),
	}
	if err != nil {
		report.Error = err.Error()
	}
	p.out.write(map[string]any{"handled": report})
	return err
}

func (p *peer) behave(ctx context.Context, task *asynq.Task, queue string, retried int) error {
	kind := task.Type()[strings.LastIndex(task.Type(), ":")+1:]
	switch kind {
	case "succeed":
		return nil
	case "fail-once":
		if retried == 0 {
			return errors.New("fails once")
		}
		return nil
	case "fail-always":
		return errors.New("fails always")
	case "fail-with": // the payload is the error
		return errors.New(string(task.Payload()))
	case "skip-retry":
		return fmt.Errorf("gives up: %w", asynq.SkipRetry)
	case "revoke":
		return asynq.RevokeTask
	case "echo": // the payload becomes the result
		_, err := task.ResultWriter().Write(task.Payload())
		return err
	case "forward": // enqueues the task that the payload describes, in the trace of this one
		return p.forward(ctx, task, queue)
	case "block": // until it is cancelled, times out, or the server aborts it
		<-ctx.Done()
		return ctx.Err()
	default:
		return asynq.NotFound(ctx, task)
	}
}
