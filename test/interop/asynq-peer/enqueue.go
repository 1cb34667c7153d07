package main

import (
	"encoding/json"
	"time"

	"github.com/hibiken/asynq"
)

// newTask is a task as described by a test; absent options are left to asynq.
type newTask struct {
	Type         string            `json:"type"`
	Payload      []byte            `json:"payload"`
	Value        any               `json:"value"` // instead of Payload: what json.Marshal is given
	Headers      map[string]string `json:"headers"`
	Queue        string            `json:"queue"`
	TaskID       string            `json:"taskId"`
	MaxRetry     *int              `json:"maxRetry"`
	TimeoutMs    int64             `json:"timeoutMs"`
	DeadlineAtMs int64             `json:"deadlineAtMs"`
	UniqueMs     int64             `json:"uniqueMs"`
	ProcessInMs  int64             `json:"processInMs"`
	ProcessAtMs  int64             `json:"processAtMs"`
	RetentionMs  int64             `json:"retentionMs"`
	Group        string            `json:"group"`
}

// enqueued is the outcome for one task: its id and state, or the error.
type enqueued struct {
	ID    string `json:"id,omitempty"`
	State string `json:"state,omitempty"`
	Error string `json:"error,omitempty"`
}

func enqueue(p *peer, request json.RawMessage) (any, error) {
	var in struct {
		Tasks []newTask `json:"tasks"`
	}
	if err := json.Unmarshal(request, &in); err != nil {
		return nil, err
	}
	outcomes := make([]enqueued, len(in.Tasks))
	for i, t := range in.Tasks {
		payload := t.Payload
		if t.Value != nil {
			marshaled, err := json.Marshal(t.Value)
			if err != nil {
				return nil, err
			}
			payload = marshaled
		}
		info, err := p.client.Enqueue(asynq.NewTaskWithHeaders(t.Type, payload, t.Headers), t.options()...)
		if err != nil {
			outcomes[i] = enqueued{Error: err.Error()}
		} else {
			outcomes[i] = enqueued{ID: info.ID, State: info.State.String()}
		}
	}
	return outcomes, nil
}

func (t newTask) options() []asynq.Option {
	var opts []asynq.Option
	add := func(given bool, opt asynq.Option) {
		if given {
			opts = append(opts, opt)
		}
	}
	add(t.Queue != "", asynq.Queue(t.Queue))
	add(t.TaskID != "", asynq.TaskID(t.TaskID))
	add(t.TimeoutMs != 0, asynq.Timeout(millis(t.TimeoutMs)))
	add(t.DeadlineAtMs != 0, asynq.Deadline(time.UnixMilli(t.DeadlineAtMs)))
	add(t.UniqueMs != 0, asynq.Unique(millis(t.UniqueMs)))
	add(t.ProcessInMs != 0, asynq.ProcessIn(millis(t.ProcessInMs)))
	add(t.ProcessAtMs != 0, asynq.ProcessAt(time.UnixMilli(t.ProcessAtMs)))
	add(t.RetentionMs != 0, asynq.Retention(millis(t.RetentionMs)))
	add(t.Group != "", asynq.Group(t.Group))
	if t.MaxRetry != nil {
		opts = append(opts, asynq.MaxRetry(*t.MaxRetry))
	}
	return opts
}

func millis(n int64) time.Duration {
	return time.Duration(n) * time.Millisecond
}
