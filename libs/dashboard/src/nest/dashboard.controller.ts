import { Controller, Get, Inject, Post, Req, Res, type Type, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { ALL_ROUTES } from '../routes.js';
import { DashboardHost } from './dashboard-host.js';
import type { DashboardMount } from './dashboard.options.js';
import { answer } from './framework.js';

/**
 * The controller of one mount. Its class is made here, as the path and the guards are options; each address is a route of
 * its own, so that nothing of the app is shadowed, and what does not exist is a 404 of the app. Answers are sent by
 * ourselves: interceptors and serializers of the app run, and do not change them.
 */
export function makeController(path: string, guards: NonNullable<DashboardMount['guards']>): Type {
  class DashboardController {
    constructor(readonly host: DashboardHost) {}
  }
  Controller({ path, version: VERSION_NEUTRAL })(DashboardController);
  if (guards.length > 0) UseGuards(...guards)(DashboardController);
  Inject(DashboardHost)(DashboardController, undefined, 0);
  for (const { method, path: route } of ALL_ROUTES) addRoute(DashboardController, method, route);
  return DashboardController;
}

const ALL_BELOW = '*';

/**
 * Fastify tells `/monitoring` and `/monitoring/` apart, and Nest takes the slash off routes: there only a wildcard leads to
 * the latter. Express needs none, and warns of it. To be called when the framework is known, before routes are made.
 */
export function addMountWithSlash(controller: Type): void {
  addRoute(controller as Type<WithHost>, 'GET', ALL_BELOW);
}

/** The wildcard stands for nothing: the address of the mount, with its slash. Everything else is not there. */
const isMount = (route: string, request: unknown): boolean =>
  route === ALL_BELOW && (request as { readonly params: Readonly<Record<string, string>> }).params['*'] === '';

interface WithHost {
  readonly host: DashboardHost;
}

function addRoute(controller: Type<WithHost>, method: 'GET' | 'POST', route: string): void {
  const name = `${method} ${route}`;
  const descriptor: PropertyDescriptor = {
    async value(this: WithHost, request: unknown, response: unknown): Promise<void> {
      await answer(this.host.route(method, isMount(route, request) ? '' : route), request, response);
    },
    configurable: true,
    enumerable: false,
    writable: true,
  };
  Object.defineProperty(controller.prototype, name, descriptor);
  Req()(controller.prototype as object, name, 0);
  Res()(controller.prototype as object, name, 1);
  (method === 'GET' ? Get(route) : Post(route))(controller.prototype as object, name, descriptor);
}
