import { type Span, SpanStatusCode } from '@opentelemetry/api';
import { withoutSecrets } from '../errors/without-secrets.js';
import { ERROR_TYPE } from './attribute-names.js';

/** As the conventions ask for where the class is not known. */
const UNKNOWN_ERROR = '_OTHER';

/** Notes an error as an event of the span, and its class as an attribute; the text is in the event alone. */
export function noteError(span: Span, error: unknown): void {
  const type = classOf(error);
  span.setAttribute(ERROR_TYPE, type);
  span.setStatus({ code: SpanStatusCode.ERROR });
  noteException(span, error, type);
}

/** Notes an error that does not make the span a failed one. */
export function noteException(span: Span, error: unknown, type = classOf(error)): void {
  const copy = withoutSecrets(error);
  span.recordException({ name: type, message: copy.message, ...(copy.stack !== undefined && { stack: copy.stack }) });
}

/** The name of an error's class; it may be a value of any kind, and may throw when it is read. */
function classOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return UNKNOWN_ERROR;
    return (error.name !== 'Error' && error.name) || error.constructor.name || UNKNOWN_ERROR;
  } catch {
    return UNKNOWN_ERROR;
  }
}
