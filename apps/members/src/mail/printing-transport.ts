import type { MailMessage, Transport } from 'nodemailer';
import { Subject } from 'rxjs';

export interface PrintedMail {
  readonly to: string;
  readonly text: string;
}

/** Prints mails instead of sending them, so that the app runs without a mail server. */
export class PrintingTransport implements Transport<void> {
  readonly name = 'printing';
  readonly version = '1';
  readonly printed = new Subject<PrintedMail>();

  send(mail: MailMessage<void>, callback: (error: null, info: void) => void): void {
    const { from, to, subject, text } = mail.data;
    const mailText = typeof text === 'string' ? text : '';
    console.log(
      frame([`From     ${show(from)}`, `To       ${show(to)}`, `Subject  ${subject}`, '', ...mailText.split('\n')]),
    );
    callback(null);
    this.printed.next({ to: show(to), text: mailText });
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
