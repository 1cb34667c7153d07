import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser as Chromium, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** The shell, which only runs headless, takes three quarters of the processor time. */
const PROGRAMS = [
  process.env['CHROMIUM_BIN'],
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].filter((path) => path !== undefined);

/** The browser on this machine; `undefined`: there is none, and the tests with one are skipped. */
export const chromiumPath: string | undefined = PROGRAMS.find((path) => existsSync(path));

/** What is not there by then does not come: a busy machine takes its time. */
const WAIT_MS = 30_000;

/** Where the pictures of a run are. */
const SCREENSHOTS = join(import.meta.dirname, '../../dist/dashboard-screenshots');

/** All cores run tests: what Chromium does beside its pages, in further processes and threads, takes theirs. */
const FOR_BUSY_CORES = ['--in-process-gpu', '--js-flags=--single-threaded'];

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A page has half a megabyte of source once, and documents that are not examined do not run it. */
const LOAD_AXE = `window.loadAxe = () => { ${axe} };`;

export const SIZES = {
  wide: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
} as const;

export interface Look {
  readonly scheme?: 'light' | 'dark';
  readonly size?: keyof typeof SIZES;
  readonly locale?: string;
  /** A test that leaves something in its page, such as a script, needs one of its own. */
  readonly isOwn?: boolean;
}

/** A browser for the tests of a file. */
export class TestBrowser implements AsyncDisposable {
  /** By look: they keep the files of the pages, which need not be read again for each test. */
  private readonly contexts = new Map<string, Promise<BrowserContext>>();
  /** The same for pages: another one is another process, which compiles all scripts anew. */
  private readonly pages = new Map<string, Promise<Page>>();

  private constructor(private readonly chromium: Chromium) {}

  static async open(): Promise<TestBrowser> {
    const args = [
      '--no-sandbox', // as root and in containers: it opens only our pages
      '--host-resolver-rules=MAP rebound.example 127.0.0.1',
      ...FOR_BUSY_CORES,
    ];
    return new TestBrowser(await chromium.launch({ executablePath: chromiumPath!, args }));
  }

  /** A window of its own, without storage of others. One at a time for each look. */
  async window({ scheme = 'light', size = 'wide', locale = 'en-GB', isOwn = false }: Look = {}): Promise<TestWindow> {
    const key = `${scheme} ${size} ${locale}`;
    const context = this.contexts.get(key) ?? this.newContext(scheme, size, locale);
    this.contexts.set(key, context);
    if (isOwn) return TestWindow.on(await (await context).newPage(), scheme, size);
    const page = this.pages.get(key) ?? context.then((known) => known.newPage());
    this.pages.set(key, page);
    await (await page).emulateMedia({ colorScheme: scheme });
    return TestWindow.on(await page, scheme, size);
  }

  private async newContext(
    colorScheme: NonNullable<Look['scheme']>,
    size: NonNullable<Look['size']>,
    locale: string,
  ): Promise<BrowserContext> {
    const context = await this.chromium.newContext({
      colorScheme,
      viewport: SIZES[size],
      isMobile: size === 'phone',
      hasTouch: size === 'phone',
      locale,
      timezoneId: 'Europe/Berlin',
      reducedMotion: 'reduce',
    });
    await context.addInitScript(LOAD_AXE);
    return context;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.chromium.close();
  }
}

/** A page, with everything that went wrong on it. */
export class TestWindow implements AsyncDisposable {
  /** Errors and warnings of the console, failures of scripts, and addresses outside of the app that were asked. */
  readonly problems: string[] = [];

  private constructor(
    readonly page: Page,
    private scheme: NonNullable<Look['scheme']>,
    private readonly size: NonNullable<Look['size']>,
  ) {}

  static on(page: Page, scheme: NonNullable<Look['scheme']>, size: NonNullable<Look['size']>): TestWindow {
    page.setDefaultTimeout(WAIT_MS);
    const window = new TestWindow(page, scheme, size);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) window.problems.push(message.text());
    });
    page.on('pageerror', (error) => window.problems.push(String(error)));
    page.on('dialog', (dialog) => {
      window.problems.push(`the page asked: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (protocol !== 'data:' && hostname !== '127.0.0.1') window.problems.push(`asked for ${request.url()}`);
    });
    return window;
  }

  /** The system turns light or dark. */
  async inScheme(scheme: NonNullable<Look['scheme']>): Promise<void> {
    this.scheme = scheme;
    await this.page.emulateMedia({ colorScheme: scheme });
    await this.page.evaluate('new Promise(requestAnimationFrame)'); // a page learns of it with its next frame, which nothing else may ask for
  }

  /** What axe finds: rules of WCAG 2.2 A and AA, and good practice. */
  accessibilityProblems(): Promise<string[]> {
    return this.askAxe({});
  }

  /** What axe finds in the colors, where the rest of a page is known. */
  contrastProblems(): Promise<string[]> {
    return this.askAxe({ runOnly: ['color-contrast', 'link-in-text-block'] });
  }

  private async askAxe(options: object): Promise<string[]> {
    // Of media alone it would load something before it looks; there are none.
    const asked = JSON.stringify({ resultTypes: ['violations'], preload: false, ...options });
    const found = await this.page.evaluate<{ id: string; nodes: { target: string[]; failureSummary: string }[] }[]>(
      `('axe' in window || loadAxe(), axe.run(${asked}).then(({ violations }) => violations))`,
    );
    return found.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary}`),
    );
  }

  /** Whether something is wider than the window, so that the whole page moves sideways. */
  async isTooWide(): Promise<boolean> {
    return this.page.evaluate<boolean>('document.documentElement.scrollWidth > document.documentElement.clientWidth');
  }

  /** Keeps a picture of the page; a lossless one takes twice as long. */
  async picture(name: string): Promise<void> {
    mkdirSync(SCREENSHOTS, { recursive: true });
    await this.page.screenshot({ path: join(SCREENSHOTS, `${name}-${this.scheme}-${this.size}.jpeg`) });
  }

  /** Nothing went wrong so far, and nothing is hard to use. */
  async expectFine(): Promise<void> {
    expect(await this.accessibilityProblems()).toEqual([]);
    expect(await this.isTooWide()).toBe(false);
    expect(this.problems).toEqual([]);
  }

  /** Leaves an empty page. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { page } = this;
    page.removeAllListeners();
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await page.evaluate('localStorage.clear()').catch(() => undefined); // the page may be that of an error
    await page.mouse.move(0, 0);
    await page.goto('about:blank');
  }
}
