// Taken at load time: Jest's fake timers replace these, too, and would block tasks and calls.

export const queueMicrotask = globalThis.queueMicrotask.bind(globalThis);

export const nextTick = process.nextTick.bind(process);
