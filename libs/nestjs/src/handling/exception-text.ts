import { HttpException } from '@nestjs/common';

/**
 * Gives an exception with several messages, as `new BadRequestException(['a is missing', 'b is missing'])`, these as its text: Nest
 * takes the words of its class, which say nothing where no HTTP response carries the messages. Returns the same exception.
 */
export function withItsMessages(thrown: unknown): unknown {
  if (!(thrown instanceof HttpException)) return thrown;
  const response = thrown.getResponse();
  const messages: unknown = typeof response === 'object' ? Reflect.get(response, 'message') : undefined;
  if (!Array.isArray(messages) || messages.length === 0) return thrown;
  if (!messages.every((message) => typeof message === 'string')) return thrown;
  Reflect.defineProperty(thrown, 'message', { value: messages.join('; '), configurable: true, writable: true });
  return thrown;
}
