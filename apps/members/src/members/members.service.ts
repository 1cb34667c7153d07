import { ConflictException, Inject, Injectable } from '@nestjs/common';
import { eq } from 'drizzle-orm';
import { type Settings, settings } from '../config/settings.js';
import type { Database } from '../database/database.js';
import { DATABASE } from '../database/database.module.js';
import { type Member, members } from '../database/schema.js';
import { addToOutbox } from '../outbox/outbox.js';
import { OutboxRelay } from '../outbox/outbox-relay.js';
import type { CreateMemberDto } from './create-member.dto.js';

/** Stores the members. */
@Injectable()
export class MembersService {
  constructor(
    @Inject(DATABASE) private readonly db: Database,
    @Inject(settings.KEY) private readonly settings: Settings,
    private readonly relay: OutboxRelay,
  ) {}

  /**
   * Stores a member, and the task that sends the verification mail.
   * @throws {ConflictException} the name is taken; nothing was written
   */
  async create({ membername, fullName, email }: CreateMemberDto): Promise<Member> {
    const member = await this.db.transaction(async (transaction) => {
      const [row] = await transaction
        .insert(members)
        .values({ membername, fullName, email })
        .onConflictDoNothing()
        .returning();
      if (!row) throw new ConflictException(`membername "${membername}" is taken`);
      await this.requestVerification(transaction, row.id);
      return row;
    });
    // Dies here: the row is in the outbox, and the relay of the next process finds it.
    this.relay.nudge();
    return member;
  }

  async find(id: string): Promise<Member | undefined> {
    const [member] = await this.db.select().from(members).where(eq(members.id, id));
    return member;
  }

  private async requestVerification(transaction: Database, memberId: string): Promise<void> {
    await addToOutbox(transaction, {
      type: 'email:verify',
      payload: { memberId },
      options: {
        queue: 'critical',
        maxRetry: 10,
        processIn: this.settings.verifyEmailDelay,
        taskId: `email-verify:${memberId}`,
        retention: '1h',
      },
    });
  }
}
