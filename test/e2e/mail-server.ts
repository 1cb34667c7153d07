import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerEnvelope } from 'smtp-server';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Header and text, as lines of any length. */
  readonly content: string;
}

const USER = 'members';
const PASSWORD = 'p@ss/word';

/** A mail server that stores its mails, and refuses clients that do not log in. */
export class MailServer implements AsyncDisposable {
  readonly mails: ReceivedMail[] = [];
  /** How many mails are refused from now on, each with a code that invites the sender to try again. */
  refusals = 0;
  private readonly arrivals: (() => void)[] = [];
  private readonly server: SMTPServer;

  private constructor() {
    this.server = new SMTPServer({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, callback) => {
        const isKnown = username === USER && password === PASSWORD;
        callback(isKnown ? null : new Error('wrong user or password'), { user: USER });
      },
      onData: (stream, session, callback) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => callback(this.take(session.envelope, Buffer.concat(chunks).toString())));
      },
    });
  }

  static async start(): Promise<MailServer> {
    const mailServer = new MailServer();
    await once(mailServer.server.listen(0, '127.0.0.1'), 'listening');
    return mailServer;
  }

  get url(): string {
    const { port } = this.server.server.address() as AddressInfo;
    return `smtp://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`;
  }

  /** The first mail, once it is there. */
  async first(): Promise<ReceivedMail> {
    while (this.mails.length === 0) await new Promise<void>((resolve) => this.arrivals.push(resolve));
    return this.mails[0]!;
  }

  /** Why the mail is refused; `null`: it is kept. */
  private take({ mailFrom, rcptTo }: SMTPServerEnvelope, raw: string): Error | null {
    if (this.refusals > 0) {
      this.refusals--;
      return Object.assign(new Error('try again later'), { responseCode: 421 });
    }
    const from = mailFrom === false ? '' : mailFrom.address;
    this.mails.push({ from, to: rcptTo.map(({ address }) => address), content: unfold(raw) });
    for (const wake of this.arrivals.splice(0)) wake();
    return null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(resolve));
  }
}

/** Undoes the quoted-printable encoding that long lines have. */
function unfold(raw: string): string {
  if (!/^content-transfer-encoding: quoted-printable\r$/im.test(raw)) return raw;
  return raw
    .replaceAll('=\r\n', '')
    .replaceAll(/=([\dA-F]{2})/g, (_, hex: string) => String.fromCodePoint(Number(`0x${hex}`)));
}
