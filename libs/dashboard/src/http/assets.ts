import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { PageConfig } from '../api/page-config.js';
import { packageFile } from '../package-file.js';
import type { WholeAnswer } from './exchange.js';
import { assetHeaders, PAGE_HEADERS } from './headers.js';
import { RequestError } from './request.error.js';

/** What the server puts in the place of this text of the built page. */
const PLACE = '<!--config-->';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
};

/** By content coding, the best first. */
const CODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/**
 * The built page and its files, read once. A file is found by its exact name only: no path of a request ever reaches
 * the disk.
 */
export class Assets {
  private constructor(
    private readonly template: string,
    private readonly files: ReadonlyMap<string, Buffer>,
  ) {}

  /**
   * @param folder by default the one inside of the package
   * @throws {Error} the package lacks it
   */
  static read(folder: string = packageFile('dist/web')): Assets {
    const files = new Map<string, Buffer>();
    for (const part of ['.', 'assets']) {
      for (const entry of readdirSync(join(folder, part), { withFileTypes: true })) {
        if (entry.isFile()) files.set(entry.name, readFileSync(join(folder, part, entry.name)));
      }
    }
    return new Assets(files.get('index.html')!.toString(), files);
  }

  /**
   * The page. Every page is one segment below the mount, so that one relative base fits all of them, on both sides of a
   * proxy that strips a prefix.
   */
  page(config: PageConfig): WholeAnswer {
    const data = JSON.stringify(config).replaceAll(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
    const head = `<base href="./"><script type="application/json" id="config">${data}</script>`;
    return { status: 200, headers: PAGE_HEADERS, body: this.template.replace(PLACE, () => head) };
  }

  /** @throws {RequestError} there is no such file */
  file(name: string, acceptEncoding: string | undefined): WholeAnswer {
    const type = TYPES[extname(name)];
    const plain = type === undefined ? undefined : this.files.get(name);
    if (type === undefined || plain === undefined) throw new RequestError(404, 'NOT_FOUND', 'there is no such file');
    const headers = assetHeaders(type);
    for (const [coding, suffix] of CODINGS) {
      const packed = this.files.get(name + suffix);
      if (packed && accepts(acceptEncoding, coding)) {
        return { status: 200, headers: { ...headers, 'content-encoding': coding }, body: packed };
      }
    }
    return { status: 200, headers, body: plain };
  }
}

function accepts(header: string | undefined, coding: string): boolean {
  return (header ?? '').split(',').some((part) => {
    const [name, quality] = part.trim().split(/\s*;\s*q\s*=\s*/i);
    return name?.toLowerCase() === coding && Number(quality ?? 1) > 0;
  });
}
