// Taken at load time: Jest's fake timers replace these, too, and would block tasks and calls.

const settled = Promise.resolve();

/** Without the async resource that the global function makes for each call. */
export const queueMicrotask = (work: () => void): void => void settled.then(work);

export const nextTick = process.nextTick.bind(process);
