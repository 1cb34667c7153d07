import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { IsNotEmpty, IsString, MaxLength } from 'class-validator';
import { CreateMemberDto } from './create-member.dto.js';
import { type MemberView, viewMember } from './member.view.js';
import { MembersService } from './members.service.js';
import { VerificationService } from './verification.service.js';

/** Query of `GET /members/verify`. */
class VerifyQuery {
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  code!: string;
}

@Controller('members')
export class MembersController {
  constructor(
    private readonly members: MembersService,
    private readonly verification: VerificationService,
  ) {}

  /** 201 with the member; 400 for an invalid body, 409 for a taken name. */
  @Post()
  async create(@Body() body: CreateMemberDto): Promise<MemberView> {
    return viewMember(await this.members.create(body));
  }

  /** 200 with the member, now verified; 404 for an unknown code, 410 for an expired one. */
  @Get('verify')
  async verify(@Query() { code }: VerifyQuery): Promise<MemberView> {
    return viewMember(await this.verification.verify(code));
  }
}
