// Prints the metrics of asynq's x/metrics once, in the text format of Prometheus.
package main

import (
	"flag"
	"log"
	"os"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynq/x/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

func main() {
	redis := flag.String("redis", "127.0.0.1:6379", "address of Redis")
	flag.Parse()
	inspector := asynq.NewInspector(asynq.RedisClientOpt{Addr: *redis})
	defer inspector.Close()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.NewQueueMetricsCollector(inspector))
	families, err := registry.Gather()
	if err != nil {
		log.Fatal(err)
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(os.Stdout, family); err != nil {
			log.Fatal(err)
		}
	}
}
