// Classes of one name in two modules, as minifiers and teams make them, on whichever Nest is installed: see
// packages.e2e-spec.ts. Each line that is printed names who ran and with what.
import 'reflect-metadata';
import {
  Catch,
  Injectable,
  Module,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type CanActivate,
  type ExceptionFilter,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IsInt, IsString } from 'class-validator';
import { AsynqModule, Ctx, Payload, TaskDistributor, TaskEvents, TaskHandler, type TaskContext } from 'nestjs-asynq';
import { FakeClock } from 'nestjs-asynq/testing';

const said: string[] = [];

function members(): object {
  class Item {
    @IsString()
    name!: string;
  }

  @Injectable()
  class Guard implements CanActivate {
    canActivate = (): boolean => said.push('guard of members') > 0;
  }

  @Injectable()
  class Pipe implements PipeTransform {
    transform(value: unknown): unknown {
      said.push('pipe of members');
      return value;
    }
  }

  @Injectable()
  class Tasks {
    @TaskHandler('members:add')
    @UseGuards(Guard)
    add(@Payload() item: Item, @Ctx() context: TaskContext): void {
      said.push(`members add ${item.name} in ${context.type}`);
    }

    @TaskHandler('members:pipe')
    @UsePipes(Pipe)
    pipe(): void {}

    @TaskHandler('members:bare')
    bare(payload: Item): void {
      said.push(`members bare ${payload.constructor === Item}`);
    }
  }

  @Injectable({ scope: Scope.REQUEST })
  class Scoped {
    @TaskHandler('members:scoped')
    run(@Payload() item: Item, @Ctx() context: TaskContext): void {
      said.push(`members scoped ${item.name} in ${context.type}`);
    }
  }

  @Injectable()
  class Task {
    // Class and method read as one: the same as "Tasks" and "add".
    @TaskHandler('members:sadd')
    sadd(@Ctx() context: TaskContext): void {
      said.push(`members sadd in ${context.type}`);
    }
  }

  @Module({ providers: [Tasks, Scoped, Task] })
  class MembersModule {}
  return MembersModule;
}

function orders(): object {
  class Item {
    @IsInt()
    amount!: number;
  }

  @Injectable()
  class Guard implements CanActivate {
    canActivate = (): boolean => said.push('guard of orders') > 0;
  }

  @Injectable()
  class Pipe implements NestInterceptor {
    intercept: NestInterceptor['intercept'] = (_context, next) => {
      said.push('interceptor of orders');
      return next.handle();
    };
  }

  @Catch()
  class Filter implements ExceptionFilter {
    catch(error: unknown): never {
      said.push(`filter of orders: ${String(error)}`);
      throw error;
    }
  }

  @Injectable()
  class Tasks {
    @TaskHandler('orders:add')
    @UseGuards(Guard)
    add(@Ctx() context: TaskContext, @Payload() item: Item): void {
      said.push(`orders add ${item.amount} in ${context.type}`);
    }

    @TaskHandler('orders:pipe')
    @UseInterceptors(Pipe)
    @UseFilters(Filter)
    pipe(@Payload('amount') amount: number): void {
      throw new Error(`no ${amount} of these`);
    }

    @TaskHandler('orders:bare')
    bare(payload: Item): void {
      said.push(`orders bare ${payload.constructor === Item}`);
    }
  }

  @Injectable({ scope: Scope.REQUEST })
  class Scoped {
    @TaskHandler('orders:scoped')
    run(@Ctx() context: TaskContext, @Payload() item: Item): void {
      said.push(`orders scoped ${item.amount} in ${context.type}`);
    }
  }

  @Module({ providers: [Tasks, Scoped] })
  class OrdersModule {}
  return OrdersModule;
}

const clock = new FakeClock();

@Module({
  imports: [
    members() as never,
    orders() as never,
    AsynqModule.forRoot({ connection: 'memory', clock, concurrency: 1, defaults: { maxRetry: 0 } }),
  ],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  const tasks = app.get(TaskDistributor);
  app.get(TaskEvents).subscribe((event) => {
    if (event.kind === 'archived') said.push(`archived ${event.type}: ${String(event.error)}`);
  });
  for (const name of ['add', 'pipe', 'bare', 'scoped', 'sadd']) {
    for (const [module, payload] of [
      ['members', { name: 'Ada' }],
      ['orders', { amount: 3 }],
    ] as const) {
      if (module === 'orders' && name === 'sadd') continue;
      await tasks.enqueue(`${module}:${name}`, payload);
      await clock.advance('1s');
    }
  }
  await app.close();
  console.log(said.join('\n'));
}

void main();
