package main

import (
	"encoding/json"
	"time"

	"github.com/hibiken/asynq"
)

// plan is a task and the schedule on which it is enqueued until the peer shuts down.
type plan struct {
	Spec string `json:"spec"`
	newTask
}

// schedule starts a scheduler with one entry and replies the entry's id.
func schedule(p *peer, request json.RawMessage) (any, error) {
	var wanted plan
	if err := json.Unmarshal(request, &wanted); err != nil {
		return nil, err
	}
	scheduler := asynq.NewScheduler(p.redis, &asynq.SchedulerOpts{HeartbeatInterval: time.Second})
	id, err := scheduler.Register(wanted.Spec, asynq.NewTask(wanted.Type, wanted.Payload), wanted.options()...)
	if err != nil {
		return nil, err
	}
	return id, scheduler.Start()
}

// schedulerEntries replies every scheduler's plan as Go reads it, with options in their text form.
func schedulerEntries(p *peer, _ json.RawMessage) (any, error) {
	entries, err := p.inspector.SchedulerEntries()
	if err != nil {
		return nil, err
	}
	shown := make([]map[string]any, len(entries))
	for n, entry := range entries {
		options := make([]string, len(entry.Opts))
		for o, option := range entry.Opts {
			options[o] = option.String()
		}
		shown[n] = map[string]any{
			"id": entry.ID, "spec": entry.Spec, "type": entry.Task.Type(), "payload": entry.Task.Payload(),
			"options": options, "nextAtMs": unixMilli(entry.Next), "previousAtMs": unixMilli(entry.Prev),
		}
	}
	return shown, nil
}

// enqueueEvents replies the ids of the tasks that an entry enqueued, newest first.
func enqueueEvents(p *peer, request json.RawMessage) (any, error) {
	var entry struct {
		EntryID string `json:"entryId"`
	}
	if err := json.Unmarshal(request, &entry); err != nil {
		return nil, err
	}
	events, err := p.inspector.ListSchedulerEnqueueEvents(entry.EntryID)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(events))
	for n, event := range events {
		ids[n] = event.TaskID
	}
	return ids, nil
}
