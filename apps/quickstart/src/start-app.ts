import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

/** Starts a module that needs no HTTP. If it cannot start, one line says why. */
export async function startApp(module: Type): Promise<INestApplicationContext> {
  try {
    const app = await NestFactory.createApplicationContext(module, {
      logger: ['warn', 'error', 'fatal'],
      abortOnError: false,
    });
    return app.enableShutdownHooks([], { useProcessExit: true });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
