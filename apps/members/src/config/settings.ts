import { type ConfigType, registerAs } from '@nestjs/config';
import { readEnvironment } from './environment.js';

/** The app's settings, read from the environment when the app is created. Inject them with `settings.KEY`. */
export const settings = registerAs('members', () => {
  const environment = readEnvironment(process.env);
  const { host, port } = splitAddress(environment.HTTP_ADDRESS);
  const httpPort = environment.PORT ?? port;
  return {
    role: environment.ROLE,
    httpHost: host,
    httpPort,
    publicUrl: (environment.PUBLIC_URL ?? `http://${reachable(host)}:${httpPort}`).replace(/\/+$/, ''),
    /** Absent: queues live in memory. */
    redisUrl: environment.REDIS_ADDRESS,
    databaseUrl: environment.DATABASE_URL,
    pgliteDir: environment.PGLITE_DIR,
    /** Absent: mails are printed. */
    smtpUrl: environment.SMTP_URL,
    mailFrom: environment.MAIL_FROM,
    /** Absent: only this machine may look at the dashboard. */
    dashboardPassword: environment.DASHBOARD_PASSWORD,
    dashboardWrites: environment.DASHBOARD_WRITE === '1',
    verifyEmailDelay: environment.VERIFY_EMAIL_DELAY as '10s',
  };
});

export type Settings = ConfigType<typeof settings>;

function splitAddress(address: string): { host: string; port: number } {
  const { host, port } = /^(?<host>\[.+\]|[^:]*)(:(?<port>\d+))?$/.exec(address)?.groups ?? {};
  return { host: host?.replace(/^\[|\]$/g, '') || '127.0.0.1', port: Number(port ?? 3000) };
}

/** The host for links: localhost if the app listens on all addresses. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
