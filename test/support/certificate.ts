import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Files in PEM form: a certificate, and the CA that alone vouches for it. */
export interface Certificate {
  readonly keyFile: string;
  readonly certFile: string;
  readonly caFile: string;
}

/** Issues a certificate for a name, such as `DNS:redis.example` or `IP:127.0.0.1`, into the folder. */
export async function issueCertificate(dir: string, name: string): Promise<Certificate> {
  const openssl = (...args: readonly string[]) => run('openssl', [...args], { cwd: dir });
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=Test CA');
  await openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=redis.example');
  await writeFile(join(dir, 'names'), `subjectAltName=${name}`);
  const ca = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
  await openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.crt', ...ca);
  return { keyFile: join(dir, 'server.key'), certFile: join(dir, 'server.crt'), caFile: join(dir, 'ca.crt') };
}
