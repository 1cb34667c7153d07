import { EventEmitter } from 'node:events';
import type { MailMessage, Transport } from 'nodemailer';

export interface PrintedMail {
  readonly to: string;
  readonly text: string;
}

/** Prints mails instead of sending them, so that the app runs without a mail server. Emits `printed` for each. */
export class PrintingTransport extends EventEmitter<{ printed: [PrintedMail] }> implements Transport<void> {
  readonly name = 'printing';
  readonly version = '1';

  constructor(private readonly print: (text: string) => void = console.log) {
    super();
  }

  send(mail: MailMessage<void>, callback: (error: null, info: void) => void): void {
    const { from, to, subject, text } = mail.data;
    const mailText = String(text);
    this.print(
      frame([`From     ${show(from)}`, `To       ${show(to)}`, `Subject  ${subject}`, '', ...mailText.split('\n')]),
    );
    callback(null);
    this.emit('printed', { to: show(to), text: mailText });
  }
}

function frame(lines: readonly string[]): string {
  const rule = '─'.repeat(68);
  return [`  ┌${rule}`, ...lines.map((line) => `  │ ${line}`.trimEnd()), `  └${rule}`].join('\n');
}

function show(address: unknown): string {
  if (typeof address !== 'object' || address === null) return String(address);
  const { name, address: at } = address as { name?: string; address?: string };
  return name ? `${name} <${at}>` : String(at);
}
