package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
)

// target identifies the subject of an inspecting request; each request uses the fields it needs.
type target struct {
	Queue  string `json:"queue"`
	TaskID string `json:"taskId"`
	State  string `json:"state"`
	Group  string `json:"group"`
	// Page counts from 1.
	Page     int    `json:"page"`
	PageSize int    `json:"pageSize"`
	Days     int    `json:"days"`
	Force    bool   `json:"force"`
	Payload  []byte `json:"payload"`
}

// shownTask is asynq.TaskInfo with units in its names; absent times are 0.
type shownTask struct {
	ID              string            `json:"id"`
	Queue           string            `json:"queue"`
	Type            string            `json:"type"`
	Payload         []byte            `json:"payload"`
	Headers         map[string]string `json:"headers"`
	State           string            `json:"state"`
	MaxRetry        int               `json:"maxRetry"`
	Retried         int               `json:"retried"`
	LastError       string            `json:"lastError"`
	LastFailedAtMs  int64             `json:"lastFailedAtMs"`
	TimeoutMs       int64             `json:"timeoutMs"`
	DeadlineAtMs    int64             `json:"deadlineAtMs"`
	Group           string            `json:"group"`
	NextProcessAtMs int64             `json:"nextProcessAtMs"`
	IsOrphaned      bool              `json:"isOrphaned"`
	RetentionMs     int64             `json:"retentionMs"`
	CompletedAtMs   int64             `json:"completedAtMs"`
	Result          []byte            `json:"result"`
}

func show(t *asynq.TaskInfo) shownTask {
	return shownTask{
		ID: t.ID, Queue: t.Queue, Type: t.Type, Payload: t.Payload, Headers: t.Headers, State: t.State.String(),
		MaxRetry: t.MaxRetry, Retried: t.Retried, LastError: t.LastErr, LastFailedAtMs: unixMilli(t.LastFailedAt),
		TimeoutMs: t.Timeout.Milliseconds(), DeadlineAtMs: unixMilli(t.Deadline), Group: t.Group,
		NextProcessAtMs: unixMilli(t.NextProcessAt), IsOrphaned: t.IsOrphaned,
		RetentionMs: t.Retention.Milliseconds(), CompletedAtMs: unixMilli(t.CompletedAt), Result: t.Result,
	}
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func read(request json.RawMessage) (t target, err error) {
	err = json.Unmarshal(request, &t)
	return t, err
}

// on turns a call on a target into an operation with an empty reply.
func on(call func(i *asynq.Inspector, t target) error) operation {
	return func(p *peer, request json.RawMessage) (any, error) {
		t, err := read(request)
		if err != nil {
			return nil, err
		}
		return nil, call(p.inspector, t)
	}
}

var (
	pause       = on(func(i *asynq.Inspector, t target) error { return i.PauseQueue(t.Queue) })
	unpause     = on(func(i *asynq.Inspector, t target) error { return i.UnpauseQueue(t.Queue) })
	cancel      = on(func(i *asynq.Inspector, t target) error { return i.CancelProcessing(t.TaskID) })
	runTask     = on(func(i *asynq.Inspector, t target) error { return i.RunTask(t.Queue, t.TaskID) })
	archiveTask = on(func(i *asynq.Inspector, t target) error { return i.ArchiveTask(t.Queue, t.TaskID) })
	deleteTask  = on(func(i *asynq.Inspector, t target) error { return i.DeleteTask(t.Queue, t.TaskID) })
)

func queues(p *peer, _ json.RawMessage) (any, error) {
	return p.inspector.Queues()
}

func queueInfo(p *peer, request json.RawMessage) (any, error) {
	t, err := read(request)
	if err != nil {
		return nil, err
	}
	info, err := p.inspector.GetQueueInfo(t.Queue)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"queue": info.Queue, "size": info.Size, "groups": info.Groups, "memoryUsage": info.MemoryUsage, "latencyMs": info.Latency.Milliseconds(),
		"pending": info.Pending, "active": info.Active, "scheduled": info.Scheduled, "retry": info.Retry,
		"archived": info.Archived, "completed": info.Completed, "aggregating": info.Aggregating,
		"processedToday": info.Processed, "failedToday": info.Failed,
		"processedTotal": info.ProcessedTotal, "failedTotal": info.FailedTotal, "isPaused": info.Paused,
	}, nil
}

func taskInfo(p *peer, request json.RawMessage) (any, error) {
	t, err := read(request)
	if err != nil {
		return nil, err
	}
	info, err := p.inspector.GetTaskInfo(t.Queue, t.TaskID)
	if err != nil {
		return nil, err
	}
	return show(info), nil
}

func tasks(p *peer, request json.RawMessage) (any, error) {
	t, err := read(request)
	if err != nil {
		return nil, err
	}
	infos, err := list(p.inspector, t)
	if err != nil {
		return nil, err
	}
	shown := make([]shownTask, len(infos))
	for n, info := range infos {
		shown[n] = show(info)
	}
	return shown, nil
}

func list(i *asynq.Inspector, t target) ([]*asynq.TaskInfo, error) {
	page := []asynq.ListOption{asynq.Page(max(t.Page, 1)), asynq.PageSize(max(t.PageSize, 1))}
	switch t.State {
	case "pending":
		return i.ListPendingTasks(t.Queue, page...)
	case "active":
		return i.ListActiveTasks(t.Queue, page...)
	case "scheduled":
		return i.ListScheduledTasks(t.Queue, page...)
	case "retry":
		return i.ListRetryTasks(t.Queue, page...)
	case "archived":
		return i.ListArchivedTasks(t.Queue, page...)
	case "completed":
		return i.ListCompletedTasks(t.Queue, page...)
	case "aggregating":
		return i.ListAggregatingTasks(t.Queue, t.Group, page...)
	default:
		return nil, fmt.Errorf("unknown state %q", t.State)
	}
}

func servers(p *peer, _ json.RawMessage) (any, error) {
	infos, err := p.inspector.Servers()
	if err != nil {
		return nil, err
	}
	shown := make([]map[string]any, len(infos))
	for n, s := range infos {
		running := make([]string, len(s.ActiveWorkers))
		for w, worker := range s.ActiveWorkers {
			running[w] = worker.TaskID
		}
		shown[n] = map[string]any{
			"id": s.ID, "host": s.Host, "pid": s.PID, "concurrency": s.Concurrency, "queues": s.Queues,
			"strictPriority": s.StrictPriority, "startedAtMs": s.Started.UnixMilli(), "status": s.Status,
			"activeTaskIds": running,
		}
	}
	return shown, nil
}
