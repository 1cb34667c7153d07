import { IsUUID } from 'class-validator';

/** Payload of the task `email:verify`: send the member a mail with a link that proves the address. */
export class VerifyEmail {
  @IsUUID()
  memberId!: string;
}

declare module 'nestjs-asynq' {
  interface TaskPayloads {
    'email:verify': VerifyEmail;
  }
}
