import { beforeAll } from 'vitest';

/** Queues in memory belong to the process, which several files share: each begins with none. */
beforeAll(() => void Reflect.deleteProperty(globalThis, Symbol.for('@nestjs-asynq/core/memory')));
