package main

import (
	"encoding/json"
	"fmt"

	"github.com/hibiken/asynq"
)

// bulkCall processes all tasks of a queue, or of one of its groups, and returns their number.
type bulkCall func(i *asynq.Inspector, t target) (int, error)

// all turns the calls for single states into one operation on the requested state.
func all(calls map[string]bulkCall) operation {
	return func(p *peer, request json.RawMessage) (any, error) {
		t, err := read(request)
		if err != nil {
			return nil, err
		}
		call, known := calls[t.State]
		if !known {
			return nil, fmt.Errorf("asynq has no such call for state %q", t.State)
		}
		return call(p.inspector, t)
	}
}

var (
	runAll = all(map[string]bulkCall{
		"scheduled":   func(i *asynq.Inspector, t target) (int, error) { return i.RunAllScheduledTasks(t.Queue) },
		"retry":       func(i *asynq.Inspector, t target) (int, error) { return i.RunAllRetryTasks(t.Queue) },
		"archived":    func(i *asynq.Inspector, t target) (int, error) { return i.RunAllArchivedTasks(t.Queue) },
		"aggregating": func(i *asynq.Inspector, t target) (int, error) { return i.RunAllAggregatingTasks(t.Queue, t.Group) },
	})
	archiveAll = all(map[string]bulkCall{
		"pending":     func(i *asynq.Inspector, t target) (int, error) { return i.ArchiveAllPendingTasks(t.Queue) },
		"scheduled":   func(i *asynq.Inspector, t target) (int, error) { return i.ArchiveAllScheduledTasks(t.Queue) },
		"retry":       func(i *asynq.Inspector, t target) (int, error) { return i.ArchiveAllRetryTasks(t.Queue) },
		"aggregating": func(i *asynq.Inspector, t target) (int, error) { return i.ArchiveAllAggregatingTasks(t.Queue, t.Group) },
	})
	deleteAll = all(map[string]bulkCall{
		"pending":     func(i *asynq.Inspector, t target) (int, error) { return i.DeleteAllPendingTasks(t.Queue) },
		"scheduled":   func(i *asynq.Inspector, t target) (int, error) { return i.DeleteAllScheduledTasks(t.Queue) },
		"retry":       func(i *asynq.Inspector, t target) (int, error) { return i.DeleteAllRetryTasks(t.Queue) },
		"archived":    func(i *asynq.Inspector, t target) (int, error) { return i.DeleteAllArchivedTasks(t.Queue) },
		"completed":   func(i *asynq.Inspector, t target) (int, error) { return i.DeleteAllCompletedTasks(t.Queue) },
		"aggregating": func(i *asynq.Inspector, t target) (int, error) { return i.DeleteAllAggregatingTasks(t.Queue, t.Group) },
	})
	deleteQueue   = on(func(i *asynq.Inspector, t target) error { return i.DeleteQueue(t.Queue, t.Force) })
	updatePayload = on(func(i *asynq.Inspector, t target) error {
		return i.UpdateTaskPayload(t.Queue, t.TaskID, t.Payload)
	})
)

func groups(p *peer, request json.RawMessage) (any, error) {
	t, err := read(request)
	if err != nil {
		return nil, err
	}
	infos, err := p.inspector.Groups(t.Queue)
	if err != nil {
		return nil, err
	}
	shown := make([]map[string]any, len(infos))
	for n, info := range infos {
		shown[n] = map[string]any{"group": info.Group, "size": info.Size}
	}
	return shown, nil
}

func history(p *peer, request json.RawMessage) (any, error) {
	t, err := read(request)
	if err != nil {
		return nil, err
	}
	days, err := p.inspector.History(t.Queue, t.Days)
	if err != nil {
		return nil, err
	}
	shown := make([]map[string]any, len(days))
	for n, day := range days {
		shown[n] = map[string]any{
			"queue": day.Queue, "day": day.Date.Format("2006-01-02"), "processed": day.Processed, "failed": day.Failed,
		}
	}
	return shown, nil
}
