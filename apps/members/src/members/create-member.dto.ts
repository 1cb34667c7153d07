import { IsEmail, Length, Matches, MaxLength } from 'class-validator';

/** Body of `POST /members`. */
export class CreateMemberDto {
  /** Unique, ignoring case. */
  @Length(2, 64)
  @Matches(/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u, {
    message: 'membername may contain letters, digits, dots, dashes and underscores',
  })
  membername!: string;

  @Length(1, 200)
  @Matches(/^[^\p{Cc}]*\S[^\p{Cc}]*$/u, { message: 'fullName must be one line of text' })
  fullName!: string;

  @IsEmail()
  @MaxLength(254)
  email!: string;
}
