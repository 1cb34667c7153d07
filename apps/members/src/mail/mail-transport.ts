import type { SMTPTransportOptions, Transport } from 'nodemailer';
import type { Settings } from '../config/settings.js';
import { PrintingTransport } from './printing-transport.js';

/** How mails leave the app: an SMTP server, or a nodemailer transport. */
export type MailTransport = SMTPTransportOptions | Transport;

/** Token of the {@link MailTransport}. Tests provide their own. */
export const MAIL_TRANSPORT = Symbol('MAIL_TRANSPORT');

/** The mail server if there is one, otherwise the terminal. */
export function openMailTransport({ smtpUrl }: Pick<Settings, 'smtpUrl'>): MailTransport {
  if (smtpUrl === undefined) return new PrintingTransport();
  // A server that does not answer costs one attempt of the task, not a worker for minutes.
  return { url: smtpUrl, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 };
}
