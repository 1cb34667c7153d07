import { Module } from '@nestjs/common';
import { MailModule } from '../mail/mail.module.js';
import { OutboxModule } from '../outbox/outbox.module.js';
import { MembersController } from './members.controller.js';
import { MembersService } from './members.service.js';
import { VerificationService } from './verification.service.js';
import { VerificationTasks } from './verification.tasks.js';

@Module({
  imports: [MailModule, OutboxModule],
  controllers: [MembersController],
  providers: [MembersService, VerificationService, VerificationTasks],
})
export class MembersModule {}
