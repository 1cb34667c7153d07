import type { CanActivate, ExceptionFilter, NestInterceptor, PipeTransform } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import type { EnhancerOptions } from '../asynq.options.js';

/**
 * The app's global enhancers for task handlers: all pipes, and guards, interceptors and filters only if the module's
 * options enable them, because they are usually written for HTTP.
 */
export class TaskEnhancers extends ApplicationConfig {
  constructor(
    private readonly app: ApplicationConfig,
    private readonly enabled: EnhancerOptions,
  ) {
    super();
  }

  override getGlobalPipes(): PipeTransform[] {
    return this.app.getGlobalPipes();
  }

  override getGlobalRequestPipes(): InstanceWrapper<PipeTransform>[] {
    return this.app.getGlobalRequestPipes();
  }

  override getGlobalGuards(): CanActivate[] {
    return this.enabled.guards ? this.app.getGlobalGuards() : [];
  }

  override getGlobalRequestGuards(): InstanceWrapper<CanActivate>[] {
    return this.enabled.guards ? this.app.getGlobalRequestGuards() : [];
  }

  override getGlobalInterceptors(): NestInterceptor[] {
    return this.enabled.interceptors ? this.app.getGlobalInterceptors() : [];
  }

  override getGlobalRequestInterceptors(): InstanceWrapper<NestInterceptor>[] {
    return this.enabled.interceptors ? this.app.getGlobalRequestInterceptors() : [];
  }

  override getGlobalFilters(): ExceptionFilter[] {
    return this.enabled.filters ? this.app.getGlobalFilters() : [];
  }

  override getGlobalRequestFilters(): InstanceWrapper<ExceptionFilter>[] {
    return this.enabled.filters ? this.app.getGlobalRequestFilters() : [];
  }
}
