import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { type Settings, settings } from '../config/settings.js';
import { openDatabase, type OpenDatabase } from './database.js';

/** Token of the `Database` that services use. */
export const DATABASE = Symbol('DATABASE');

/** Token of the {@link OpenDatabase} behind it. */
export const OPEN_DATABASE = Symbol('OPEN_DATABASE');

@Global()
@Module({
  providers: [
    { provide: OPEN_DATABASE, inject: [settings.KEY], useFactory: (location: Settings) => openDatabase(location) },
    { provide: DATABASE, inject: [OPEN_DATABASE], useFactory: ({ db }: OpenDatabase) => db },
  ],
  exports: [DATABASE, OPEN_DATABASE],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(@Inject(OPEN_DATABASE) private readonly database: OpenDatabase) {}

  /** The last hook of a shutdown: task handlers, which end in `onModuleDestroy`, can use the database until then. */
  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}
