import { QueueError } from '@nestjs-asynq/core';

/** Everybody who reaches the app could read the metrics: the app does not start. */
export class UnguardedMetricsError extends QueueError {
  readonly code = 'UNGUARDED_METRICS';

  constructor() {
    super(
      'the metrics have no guards: pass guards to AsynqMetricsModule.forRoot({ path, guards: [...] }); access: "public" opens ' +
        'them to everybody who reaches the app. Only with NODE_ENV=development or NODE_ENV=test does it start without either.',
    );
  }
}
