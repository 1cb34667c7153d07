// soak-asynq stands in the recovery trial for Go's asynq: as a worker, or as a client.
//
//	soak-asynq worker '{"connection": {"url": "redis://..."}, "queues": ["mail"], "concurrency": 20}'
//	soak-asynq client '{"connection": {"url": "redis://..."}}'
//
// It writes JSON lines to stdout; `program.ts` beside this folder describes them. A client ends when its stdin does.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"

	"github.com/hibiken/asynq"
)

type settings struct {
	Connection  connection `json:"connection"`
	Queues      []string   `json:"queues"`
	Concurrency int        `json:"concurrency"`
}

type address struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}

// connection is a URL, of a server or of sentinels, or nodes of a cluster.
type connection struct {
	URL     string    `json:"url"`
	Cluster []address `json:"cluster"`
}

func main() {
	var given settings
	if err := json.Unmarshal([]byte(os.Args[2]), &given); err != nil {
		fail(err)
	}
	redis, err := given.Connection.options()
	if err != nil {
		fail(err)
	}
	switch role := os.Args[1]; role {
	case "worker":
		err = work(redis, given)
	case "client":
		err = serveCalls(redis)
	default:
		err = fmt.Errorf("unknown role %q", role)
	}
	if err != nil {
		fail(err)
	}
}

func (c connection) options() (asynq.RedisConnOpt, error) {
	if len(c.Cluster) == 0 {
		return asynq.ParseRedisURI(c.URL)
	}
	var nodes []string
	for _, node := range c.Cluster {
		nodes = append(nodes, net.JoinHostPort(node.Host, strconv.Itoa(node.Port)))
	}
	return asynq.RedisClusterClientOpt{Addrs: nodes}, nil
}

var stdout sync.Mutex

// report writes a line at once, so that it is not lost with the process.
func report(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err) // only values of our own come here
	}
	stdout.Lock()
	defer stdout.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "soak-asynq:", err)
	os.Exit(1)
}
