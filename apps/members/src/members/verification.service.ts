import { createHash, randomBytes } from 'node:crypto';
import { GoneException, Inject, Injectable, NotFoundException } from '@nestjs/common';
import type { Clock } from '@nestjs-asynq/core';
import { eq } from 'drizzle-orm';
import { CLOCK } from '../config/clock.module.js';
import type { Database } from '../database/database.js';
import { DATABASE } from '../database/database.module.js';
import { type Member, members, verificationCodes } from '../database/schema.js';

/** Lifetime of a code. */
export const CODE_LIFETIME_MS = 15 * 60 * 1000;

/** Issues one-time codes and verifies them. */
@Injectable()
export class VerificationService {
  constructor(
    @Inject(DATABASE) private readonly db: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Issues a new code for the member. It replaces an earlier one. */
  async issueCode(memberId: string): Promise<string> {
    const code = randomBytes(32).toString('base64url');
    const issued = { codeHash: hash(code), expiresAt: new Date(this.clock.nowMs() + CODE_LIFETIME_MS) };
    await this.db
      .insert(verificationCodes)
      .values({ memberId, ...issued })
      .onConflictDoUpdate({ target: verificationCodes.memberId, set: issued });
    return code;
  }

  /**
   * Marks the member with this code as verified. A used code stays valid without further effect, so a link that is
   * opened twice (a second click, a mail scanner before the member) gets the same answer both times.
   * @throws {NotFoundException} no such code: never issued, or replaced by a newer one
   * @throws {GoneException} not used in time
   */
  async verify(code: string): Promise<Member> {
    return this.db.transaction(async (transaction) => {
      // Locks the code and its member: of two requests with one code, the second sees the result of the first.
      const [found] = await transaction
        .select({ member: members, expiresAt: verificationCodes.expiresAt })
        .from(verificationCodes)
        .innerJoin(members, eq(members.id, verificationCodes.memberId))
        .where(eq(verificationCodes.codeHash, hash(code)))
        .for('update');
      if (!found) throw new NotFoundException('this code is unknown; a newer mail may have replaced it');
      if (found.member.verifiedAt) return found.member;

      const now = new Date(this.clock.nowMs());
      if (found.expiresAt <= now) throw new GoneException('this code has expired');
      const [verified] = await transaction
        .update(members)
        .set({ verifiedAt: now })
        .where(eq(members.id, found.member.id))
        .returning();
      return verified!;
    });
  }
}

/** A code is 32 random bytes, which cannot be guessed, so a plain hash without a salt protects it at rest. */
function hash(code: string): string {
  return createHash('sha256').update(code).digest('hex');
}
