import { Module } from '@nestjs/common';
import { settings } from '../config/settings.js';
import { Mailer } from './mailer.js';
import { MAIL_TRANSPORT, openMailTransport } from './mail-transport.js';

@Module({
  providers: [Mailer, { provide: MAIL_TRANSPORT, inject: [settings.KEY], useFactory: openMailTransport }],
  exports: [Mailer],
})
export class MailModule {}
