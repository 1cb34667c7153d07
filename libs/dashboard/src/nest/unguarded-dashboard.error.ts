import { QueueError } from '@nestjs-asynq/core';

/** Everybody could read payloads and delete tasks: the app does not start. */
export class UnguardedDashboardError extends QueueError {
  readonly code = 'UNGUARDED_DASHBOARD';

  constructor() {
    super(
      'the dashboard has no guards: pass guards to AsynqDashboardModule.forRoot({ guards: [...] }), or a function as ' +
        '"access"; access: "public" opens it to everybody who reaches the app. Only with NODE_ENV=development or ' +
        'NODE_ENV=test does it start without any of these.',
    );
  }
}
