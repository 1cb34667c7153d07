package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hibiken/asynq"
)

type call struct {
	Call        int    `json:"call"`
	Op          string `json:"op"`
	Queue       string `json:"queue"`
	ID          string `json:"id"`
	Ms          int64  `json:"ms"`
	ProcessInMs int64  `json:"processInMs"`
}

type client struct {
	tasks     *asynq.Client
	inspector *asynq.Inspector
}

// serveCalls answers each line of stdin when its call has ended; none waits for another.
func serveCalls(connection asynq.RedisConnOpt) error {
	c := client{tasks: asynq.NewClient(connection), inspector: asynq.NewInspector(connection)}
	report(map[string]any{"kind": "ready"})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked call
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return err
		}
		go func() {
			reply, err := c.answer(asked)
			if err != nil {
				report(map[string]any{"call": asked.Call, "error": err.Error()})
				return
			}
			report(map[string]any{"call": asked.Call, "reply": reply})
		}()
	}
	return lines.Err()
}

func (c client) answer(asked call) (any, error) {
	switch asked.Op {
	case "enqueue":
		payload, err := json.Marshal(map[string]int64{"ms": asked.Ms})
		if err != nil {
			return nil, err
		}
		delay := time.Duration(asked.ProcessInMs) * time.Millisecond
		_, err = c.tasks.Enqueue(asynq.NewTask("work", payload),
			asynq.Queue(asked.Queue), asynq.TaskID(asked.ID), asynq.ProcessIn(delay))
		return nil, err
	case "openTasks":
		info, err := c.inspector.GetQueueInfo(asked.Queue)
		if err != nil {
			return nil, err
		}
		return info.Pending + info.Active + info.Scheduled + info.Retry, nil
	case "stateOf":
		info, err := c.inspector.GetTaskInfo(asked.Queue, asked.ID)
		if errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return info.State.String(), nil
	default:
		return nil, fmt.Errorf("unknown op %q", asked.Op)
	}
}
