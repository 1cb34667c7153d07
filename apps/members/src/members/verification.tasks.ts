import { Inject, Injectable } from '@nestjs/common';
import { Ctx, Payload, SkipRetry, type TaskContext, TaskHandler } from 'nestjs-asynq';
import { type Settings, settings } from '../config/settings.js';
import { Mailer } from '../mail/mailer.js';
import { MembersService } from './members.service.js';
import { CODE_LIFETIME_MS, VerificationService } from './verification.service.js';
import { VerifyEmail } from './verify-email.js';

/** Handles the tasks of verification. */
@Injectable()
export class VerificationTasks {
  constructor(
    private readonly members: MembersService,
    private readonly verification: VerificationService,
    private readonly mailer: Mailer,
    @Inject(settings.KEY) private readonly settings: Settings,
  ) {}

  /**
   * Sends the member a link. Delivery is at least once, so this may run again after the mail was sent: the newer mail's
   * code then replaces the older one's, and a member who is already verified gets no further mail.
   */
  @TaskHandler('email:verify')
  async sendVerification(@Payload() { memberId }: VerifyEmail, @Ctx() { signal }: TaskContext): Promise<void> {
    const member = await this.members.find(memberId);
    if (!member) throw new SkipRetry(`there is no member ${memberId}`);
    if (member.verifiedAt) return;

    const code = await this.verification.issueCode(memberId);
    const link = `${this.settings.publicUrl}/members/verify?code=${code}`;
    const text = [
      `Hello ${member.fullName},`,
      '',
      `please confirm your address by opening this link within ${CODE_LIFETIME_MS / 60_000} minutes:`,
      '',
      link,
      '',
      'If you did not sign up, ignore this mail.',
    ].join('\n');
    await this.mailer.send(
      { to: { name: member.fullName, address: member.email }, subject: 'Please confirm your address', text },
      signal,
    );
  }
}
