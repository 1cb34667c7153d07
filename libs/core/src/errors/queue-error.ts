/** Base of every error this library throws. `code` is stable across versions; match on it or on the class. */
export abstract class QueueError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
