/** Which payload belongs to which type of task: `enqueue` and the handlers are checked against it. */
declare module 'nestjs-asynq' {
  interface TaskPayloads {
    'notifications:email': EmailNotification;
    'webhooks:sync': WebhookSync;
    'images:resize': ImageResize;
  }
}

export interface EmailNotification {
  readonly to: number;
  readonly from: number;
}

export interface WebhookSync {
  readonly data: number;
}

export interface ImageResize {
  readonly src: string;
}
