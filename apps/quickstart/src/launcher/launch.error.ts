/** The tutorial cannot continue; the message says what to do, and no stack is needed. */
export class LaunchError extends Error {}
