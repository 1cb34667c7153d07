package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// work handles tasks until SIGTERM. Its settings are asynq's defaults, but a retry is due at once.
func work(connection asynq.RedisConnOpt, given settings) error {
	redis.SetLogger(clientLog{})
	weights := map[string]int{}
	for _, queue := range given.Queues {
		weights[queue] = 1
	}
	server := asynq.NewServer(connection, asynq.Config{
		Queues:         weights,
		Concurrency:    given.Concurrency,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return 0 },
		Logger:         serverLog{},
		LogLevel:       asynq.WarnLevel,
	})

	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	if err := server.Start(asynq.HandlerFunc(handle)); err != nil {
		return err
	}
	report(map[string]any{"kind": "ready"})
	<-terminated
	server.Shutdown()
	return nil
}

func handle(ctx context.Context, task *asynq.Task) error {
	id, _ := asynq.GetTaskID(ctx)
	reportTask("started", id)
	err := sleep(ctx, task)
	if err != nil {
		reportTask("failed", id)
	} else {
		reportTask("ended", id)
	}
	return err
}

// sleep takes as long as the payload says.
func sleep(ctx context.Context, task *asynq.Task) error {
	var payload struct {
		Ms int64 `json:"ms"`
	}
	if err := json.Unmarshal(task.Payload(), &payload); err != nil {
		return err
	}
	select {
	case <-time.After(time.Duration(payload.Ms) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func reportTask(kind, id string) {
	report(map[string]any{"kind": kind, "id": id, "atMs": time.Now().UnixMilli()})
}

// serverLog reports what asynq logs.
type serverLog struct{}

func (serverLog) Debug(...any)     {}
func (serverLog) Info(...any)      {}
func (serverLog) Warn(args ...any) { reportLog("warn", fmt.Sprint(args...)) }
func (serverLog) Error(args ...any) {
	reportLog("error", fmt.Sprint(args...))
}

func (serverLog) Fatal(args ...any) {
	reportLog("error", fmt.Sprint(args...))
	os.Exit(1)
}

// clientLog reports what go-redis logs.
type clientLog struct{}

func (clientLog) Printf(_ context.Context, format string, args ...any) {
	reportLog("warn", fmt.Sprintf(format, args...))
}

func reportLog(kind, message string) {
	report(map[string]any{"kind": kind, "message": message})
}
