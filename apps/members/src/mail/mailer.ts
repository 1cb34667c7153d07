import { Inject, Injectable } from '@nestjs/common';
import { createTransport, type Transporter } from 'nodemailer';
import { type Settings, settings } from '../config/settings.js';
import { MAIL_TRANSPORT, type MailTransport } from './mail-transport.js';

export interface Mail {
  readonly to: { readonly name: string; readonly address: string };
  readonly subject: string;
  readonly text: string;
}

/** Sends plain mails from the app's address. */
@Injectable()
export class Mailer {
  private readonly transporter: Transporter;

  constructor(@Inject(MAIL_TRANSPORT) transport: MailTransport, @Inject(settings.KEY) { mailFrom }: Settings) {
    this.transporter = createTransport(transport, { from: mailFrom });
  }

  /**
   * Resolves when the mail server has accepted the mail.
   * @throws when it has not, or when `signal` aborts; the mail may still have been sent
   */
  async send({ to, subject, text }: Mail, signal: AbortSignal): Promise<void> {
    await this.transporter.sendMail({ to: { ...to }, subject, text, signal });
  }
}
