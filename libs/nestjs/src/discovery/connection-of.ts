import { DEFAULT_CONNECTION } from '../asynq.options.js';
import { HandlerSetupError } from './handler-setup.error.js';

/** The connection named in the options of a decorator. */
interface Decorated {
  readonly options: { readonly connection?: string | undefined };
}

export function connectionOf({ options }: Decorated): string {
  return options.connection ?? DEFAULT_CONNECTION;
}

/**
 * @param does what the class or method does, for the message: `handles tasks of`
 * @param known names of all connections in the app
 * @throws {HandlerSetupError} the connection is none of them
 */
export function checkConnection(
  decorated: Decorated & { readonly label: string },
  decorator: string,
  does: string,
  known: readonly string[],
): void {
  const connection = connectionOf(decorated);
  if (known.includes(connection)) return;
  throw new HandlerSetupError(
    `${decorated.label} ${does} connection "${connection}", which no AsynqModule.forRoot() defines ` +
      `(known: ${known.join(', ')}). Set "connection" of its @${decorator} to one of these.`,
  );
}
