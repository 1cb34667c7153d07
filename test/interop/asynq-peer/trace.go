package main

import (
	"context"
	"encoding/json"

	"github.com/hibiken/asynq"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// forwarding is the payload of a task that enqueues another one.
type forwarding struct {
	Type    string          `json:"type"`
	Queue   string          `json:"queue"`
	Payload json.RawMessage `json:"payload"`
}

// span reports a span of this program when it has ended.
type span struct {
	Name     string   `json:"name"`
	TraceID  string   `json:"traceId"`
	SpanID   string   `json:"spanId"`
	ParentID string   `json:"parentId"`
	Links    []string `json:"links"`
}

var (
	propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	tracer     = sdktrace.NewTracerProvider().Tracer("asynq-peer")
)

// forward does what a traced worker in Go does with the headers of asynq 0.26: it continues the trace of its task, and
// sends its own context with the task that it enqueues.
func (p *peer) forward(ctx context.Context, task *asynq.Task, queue string) error {
	var next forwarding
	if err := json.Unmarshal(task.Payload(), &next); err != nil {
		return err
	}
	ctx = propagator.Extract(ctx, propagation.MapCarrier(task.Headers()))
	origin := trace.LinkFromContext(ctx)
	ctx, current := tracer.Start(ctx, "process "+queue, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(origin))
	defer p.report("process "+queue, current, origin)

	ctx, sent := tracer.Start(ctx, "enqueue "+next.Queue, trace.WithSpanKind(trace.SpanKindProducer))
	defer p.report("enqueue "+next.Queue, sent, trace.Link{})

	headers := map[string]string{}
	propagator.Inject(ctx, propagation.MapCarrier(headers))
	_, err := p.client.EnqueueContext(ctx, asynq.NewTaskWithHeaders(next.Type, next.Payload, headers), asynq.Queue(next.Queue))
	return err
}

func (p *peer) report(name string, ended trace.Span, link trace.Link) {
	ended.End()
	report := span{
		Name:    name,
		TraceID: ended.SpanContext().TraceID().String(),
		SpanID:  ended.SpanContext().SpanID().String(),
		Links:   []string{},
	}
	if own, isRecorded := ended.(sdktrace.ReadOnlySpan); isRecorded {
		report.ParentID = own.Parent().SpanID().String()
	}
	if link.SpanContext.IsValid() {
		report.Links = append(report.Links, link.SpanContext.SpanID().String())
	}
	p.out.write(map[string]any{"span": report})
}
