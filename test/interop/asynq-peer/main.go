// asynq-peer is a test program: Go's asynq, driven by JSON lines.
//
// Each line on stdin is a request {"id": 1, "op": "enqueue", ...}; its answer on stdout is {"id": 1, "reply": ...} or
// {"id": 1, "error": "..."}. Handled tasks appear between them as {"handled": {...}}. It shuts down when stdin
// ends, so it never outlives the test that started it.
//
//	asynq-peer -redis 127.0.0.1:6379
//	asynq-peer -cluster 127.0.0.1:7000,127.0.0.1:7001
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/hibiken/asynq"
)

// maxRequestBytes bounds a line of stdin: a batch of a few thousand tasks.
const maxRequestBytes = 64 << 20

type peer struct {
	redis     asynq.RedisConnOpt
	client    *asynq.Client
	inspector *asynq.Inspector
	server    *asynq.Server
	out       *lineWriter
}

type operation func(p *peer, request json.RawMessage) (any, error)

var operations = map[string]operation{
	"enqueue":   enqueue,
	"serve":     serve,
	"shutdown":  shutdown,
	"queues":    queues,
	"queueInfo": queueInfo,
	"taskInfo":  taskInfo,
	"tasks":     tasks,
	"pause":     pause,
	"unpause":   unpause,
	"cancel":    cancel,
	"run":       runTask,
	"archive":   archiveTask,
	"delete":    deleteTask,
	"servers":   servers,

	"groups":        groups,
	"history":       history,
	"runAll":        runAll,
	"archiveAll":    archiveAll,
	"deleteAll":     deleteAll,
	"deleteQueue":   deleteQueue,
	"updatePayload": updatePayload,

	"schedule":         schedule,
	"schedulerEntries": schedulerEntries,
	"enqueueEvents":    enqueueEvents,
}

func main() {
	addr := flag.String("redis", "", "address of a Redis server")
	clusterAddrs := flag.String("cluster", "", "addresses of cluster nodes, separated by commas")
	flag.Parse()

	var redis asynq.RedisConnOpt = asynq.RedisClientOpt{Addr: *addr}
	if *clusterAddrs != "" {
		redis = asynq.RedisClusterClientOpt{Addrs: strings.Split(*clusterAddrs, ",")}
	}
	p := &peer{
		redis:     redis,
		client:    asynq.NewClient(redis),
		inspector: asynq.NewInspector(redis),
		out:       &lineWriter{},
	}

	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, maxRequestBytes)
	for lines.Scan() {
		p.answer(lines.Bytes())
	}
	if p.server != nil {
		p.server.Shutdown()
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "asynq-peer:", err)
		os.Exit(1)
	}
}

func (p *peer) answer(line []byte) {
	var head struct {
		ID int    `json:"id"`
		Op string `json:"op"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		p.out.write(map[string]any{"id": head.ID, "error": err.Error()})
		return
	}
	op, known := operations[head.Op]
	if !known {
		p.out.write(map[string]any{"id": head.ID, "error": fmt.Sprintf("unknown op %q", head.Op)})
		return
	}
	reply, err := op(p, line)
	if err != nil {
		p.out.write(map[string]any{"id": head.ID, "error": err.Error()})
		return
	}
	p.out.write(map[string]any{"id": head.ID, "reply": reply})
}

// lineWriter writes JSON lines to stdout; goroutines do not interleave.
type lineWriter struct{ mu sync.Mutex }

func (w *lineWriter) write(value any) {
	line, err := json.Marshal(value)
	if err != nil {
		panic(err) // only values of our own come here
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	os.Stdout.Write(append(line, '\n'))
}
