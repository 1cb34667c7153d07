import type { Member } from '../database/schema.js';

/** A member as HTTP shows it. */
export interface MemberView {
  readonly id: string;
  readonly membername: string;
  readonly fullName: string;
  readonly email: string;
  readonly createdAt: Date;
  readonly verifiedAt: Date | null;
}

/** Lists each field, so that a new column of the table stays private until it is added here. */
export function viewMember({ id, membername, fullName, email, createdAt, verifiedAt }: Member): MemberView {
  return { id, membername, fullName, email, createdAt, verifiedAt };
}
