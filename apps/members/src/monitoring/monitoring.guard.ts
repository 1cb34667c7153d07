import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CanActivate, type ExecutionContext, Inject, Injectable, UnauthorizedException } from '@nestjs/common';
import { type Settings, settings } from '../config/settings.js';

/** Adds the name of the person, for the audit of the dashboard. */
type GuardedRequest = IncomingMessage & { user?: string };

/** Asks for the password of the dashboard. Without one, only this machine may look. */
@Injectable()
export class MonitoringGuard implements CanActivate {
  constructor(@Inject(settings.KEY) private readonly settings: Settings) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const request = http.getRequest<GuardedRequest>();
    const { dashboardPassword } = this.settings;
    if (dashboardPassword === undefined) return isLocal(request);
    const { user, password } = basicLogin(request.headers.authorization);
    if (!isSame(password, dashboardPassword)) {
      http.getResponse<ServerResponse>().setHeader('www-authenticate', 'Basic realm="members", charset="UTF-8"');
      throw new UnauthorizedException();
    }
    request.user = user;
    return true;
  }
}

/** From a browser of this machine: neither by the network, nor by a proxy or a foreign name that leads here. */
function isLocal({ socket, headers }: IncomingMessage): boolean {
  const isLoopback = /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/.test(socket.remoteAddress ?? '');
  const isOwnName = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i.test(headers.host ?? '');
  return isLoopback && isOwnName && headers['x-forwarded-for'] === undefined && headers['forwarded'] === undefined;
}

function basicLogin(authorization = ''): { readonly user: string; readonly password: string } {
  const encoded = /^Basic\s+(\S+)$/i.exec(authorization)?.[1] ?? '';
  const [, user = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  return { user, password };
}

/** In a time that says nothing about how much of it was right. */
function isSame(given: string, password: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(password));
}
