/**
 * Programs around the classes on docs/guide/recipes.md, which are the files beside them. As texts, because the libraries are not
 * installed in this repository.
 */

/** Two tasks at a time fail: prints what Sentry has received. */
export const SENTRY_PROGRAM = `import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, UseInterceptors } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import * as Sentry from '@sentry/nestjs';
import { Payload, TaskDistributor, TaskHandler } from 'nestjs-asynq';
import { AsynqTestingModule, TestQueues } from 'nestjs-asynq/testing';
import { SentryScope } from './sentry-scope';

const reported: string[] = [];
Sentry.init({
  dsn: 'https://key@localhost/1',
  beforeSend: ({ exception, tags, contexts }) => {
    const { order, 'task.type': type } = tags ?? {};
    reported.push([exception?.values?.[0]?.value, order, type, contexts?.['task']?.['id']].join(' '));
    return null;
  },
});

@Injectable()
@UseInterceptors(SentryScope)
class Payments {
  @TaskHandler('charge')
  async charge(@Payload('order') order: string) {
    Sentry.setTag('order', order);
    await delay(order === 'a' ? 30 : 10);
    throw new Error(\`no money for \${order}:\`);
  }
}

async function main() {
  const module = await Test.createTestingModule({
    imports: [AsynqTestingModule.forRoot({ errorHandler: (error) => void Sentry.captureException(error) })],
    providers: [Payments],
  }).compile();
  module.useLogger(false);
  const app = await module.init();
  for (const order of ['a', 'b']) {
    await app.get(TaskDistributor).enqueue('charge', { order }, { taskId: order, maxRetry: 0 });
  }
  await app.get(TestQueues).drain({ failures: 'return' });
  await Sentry.flush(1000);
  console.log(JSON.stringify(reported.sort()));
  await app.close();
}
void main();
`;

/** Two tasks at a time write, a third one reads while the app closes. */
export const MIKRO_ORM_PROGRAM = `import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, UseInterceptors } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { EntityManager, EntitySchema, MikroORM } from '@mikro-orm/core';
import { LibSqlDriver } from '@mikro-orm/libsql';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { Payload, TaskDistributor, TaskHandler } from 'nestjs-asynq';
import { AsynqTestingModule, TestQueues } from 'nestjs-asynq/testing';
import { EntityManagerPerTask } from './entity-manager-per-task';

interface User {
  id: number;
  name: string;
}
const User = new EntitySchema<User>({
  name: 'User',
  properties: { id: { type: 'number', primary: true }, name: { type: 'string' } },
});

@Injectable()
@UseInterceptors(EntityManagerPerTask)
class Users {
  readonly known: number[] = [];

  constructor(private readonly em: EntityManager) {}

  @TaskHandler('user:add')
  async add(@Payload('id') id: number) {
    this.em.persist(this.em.create(User, { id, name: \`user \${id}\` }));
    await delay(20);
    await this.em.flush();
    this.known.push(this.em.getUnitOfWork().getIdentityMap().keys().length);
  }

  /** Runs while the app closes. */
  @TaskHandler('user:last')
  async last() {
    await delay(50);
    console.log(await this.em.count(User), 'users at the end');
  }
}

async function main() {
  const module = await Test.createTestingModule({
    imports: [
      MikroOrmModule.forRoot({ driver: LibSqlDriver, dbName: ':memory:', entities: [User] }),
      AsynqTestingModule.forRoot(),
    ],
    providers: [Users],
  }).compile();
  const app = await module.init();
  await app.get(MikroORM).schema.create();
  const tasks = app.get(TaskDistributor);
  for (const id of [1, 2]) await tasks.enqueue('user:add', { id });
  await app.get(TestQueues).drain();
  console.log('entities of each task:', app.get(Users).known.join(', '));
  await tasks.enqueue('user:last');
  await delay(20);
  await app.close();
}
void main();
`;

/** A row is written with its task, whose handler reads the row while the app closes. */
export const TYPEORM_PROGRAM = `import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Payload, TaskHandler } from 'nestjs-asynq';
import { AsynqTestingModule } from 'nestjs-asynq/testing';
import { DataSource } from 'typeorm';
import { SignUp } from './sign-up';
import { User } from './user';

@Injectable()
class Emails {
  constructor(private readonly dataSource: DataSource) {}

  @TaskHandler('email:welcome')
  async welcome(@Payload('userId') id: number) {
    await delay(50); // the app closes meanwhile
    const { email } = await this.dataSource.getRepository(User).findOneByOrFail({ id });
    console.log('welcome', email);
  }
}

async function main() {
  const module = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({ type: 'sqljs', entities: [User], synchronize: true }),
      AsynqTestingModule.forRoot(),
    ],
    providers: [SignUp, Emails],
  }).compile();
  const app = await module.init();
  await app.get(SignUp).signUp('ada@example.com');
  await delay(20);
  await app.close();
}
void main();
`;

/** The entity of the TypeORM recipe. */
export const TYPEORM_ENTITY = `import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity()
export class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  email!: string;
}
`;
