import { readFileSync } from 'node:fs';
import { type Clock, type Logger, systemClock } from '@nestjs-asynq/core';
import type { PageConfig } from './api/page-config.js';
import { PAGES, READS, WRITES } from './api/routes.js';
import { viewerOf } from './access/access-rule.js';
import { readOnlyError, type Viewer } from './access/viewer.js';
import { actOnTasks } from './actions/act.js';
import { MatchingWork, readMatchingOrder } from './actions/act-matching.js';
import { type ActionListener, Audit } from './actions/audit.js';
import { editPayload, enqueueAgain, newTask } from './actions/enqueue-actions.js';
import {
  deleteQueue,
  pauseQueue,
  pauseQueues,
  purgeQueue,
  resumeQueue,
  resumeQueues,
} from './actions/queue-actions.js';
import { deleteSchedule, pauseSchedule, resumeSchedule, runSchedule } from './actions/schedule-actions.js';
import type { WriteAction, WriteContext } from './actions/write.js';
import { Board } from './board.js';
import type { DashboardConnection } from './connection.js';
import { Assets } from './http/assets.js';
import { errorAnswer, toRequestError } from './http/error-answer.js';
import type { Answer, DashboardRequest, StreamedAnswer } from './http/exchange.js';
import { Fields } from './http/fields.js';
import { EVENT_STREAM_HEADERS, json, LINES_HEADERS, longJson, redirect } from './http/headers.js';
import { checkHost, checkOrigin, checkProof, type OriginRules } from './http/origin.js';
import { invalid, RequestError } from './http/request.error.js';
import { WorkLimit } from './http/work-limit.js';
import { liveMessage, readWatched } from './live/live-message.js';
import { LiveStreams } from './live/live-streams.js';
import type { DashboardSettings } from './options.js';
import { packageFile } from './package-file.js';
import { FILES, type RoutePath } from './routes.js';
import { readCharts } from './reads/charts.js';
import { readServers } from './reads/fleet.js';
import { readGroups, readHistory, readMemory, readOverview, readQueue, readQueues } from './reads/queues.js';
import type { Read, ReadContext } from './reads/read.js';
import { readRedis } from './reads/redis.js';
import { readScheduleHistory, readSchedules } from './reads/schedules.js';
import { readSearch } from './reads/search.js';
import { readSession, readTypes } from './reads/session.js';
import { readTask, readTasks } from './reads/tasks.js';

interface DashboardDeps {
  readonly settings: DashboardSettings;
  /** At least one; the first is the default. */
  readonly connections: readonly DashboardConnection[];
  readonly logger: Logger;
  readonly onAction: ActionListener;
  /** Check the host name of requests; see {@link OriginRules}. */
  readonly checksHost: boolean;
  /** Without an app around it. */
  readonly standalone: boolean;
  /** Default: the machine's. For tests. */
  readonly clock?: Clock | undefined;
  /** Default: those of the package. For tests. */
  readonly assets?: Assets | undefined;
}

/** One address of the dashboard, below its mount. */
export interface Route extends RoutePath {
  readonly handle: (request: DashboardRequest) => Promise<Answer>;
}

const READERS: Readonly<Record<Exclude<keyof typeof READS, 'live' | 'liveOnce' | 'search'>, Read>> = {
  session: readSession,
  overview: readOverview,
  queues: readQueues,
  queue: readQueue,
  history: readHistory,
  memory: readMemory,
  charts: readCharts,
  tasks: readTasks,
  task: readTask,
  groups: readGroups,
  servers: readServers,
  schedules: readSchedules,
  scheduleHistory: readScheduleHistory,
  redis: readRedis,
  types: readTypes,
};

const WRITERS: Readonly<Record<Exclude<keyof typeof WRITES, 'actMatching'>, WriteAction>> = {
  pauseQueue,
  resumeQueue,
  pauseQueues,
  resumeQueues,
  deleteQueue,
  purgeQueue,
  act: actOnTasks,
  editPayload,
  again: enqueueAgain,
  newTask,
  runSchedule,
  pauseSchedule,
  resumeSchedule,
  deleteSchedule,
};

/** Not when this file is loaded: that must be possible from a bundle, where the package is missing. */
const readVersion = (): string =>
  (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { readonly version: string }).version;

/** The dashboard without a framework: its routes, and what they answer. */
export class Dashboard {
  readonly routes: readonly Route[];
  /** Answers what is not there. */
  readonly nowhere: Route;
  private readonly boards: ReadonlyMap<string, Board>;
  private readonly streams: ReadonlyMap<Board, LiveStreams>;
  private readonly assets: Assets;
  private readonly audit: Audit;
  private readonly rules: OriginRules;
  private readonly searches = new WorkLimit(4, 50);
  private readonly bulks = new WorkLimit(2, 10);
  private readonly closing = new AbortController();
  private readonly version = readVersion();

  constructor(private readonly deps: DashboardDeps) {
    const { settings, logger, connections, clock = systemClock } = deps;
    this.boards = new Map(
      connections.map((connection) => [connection.name, new Board(connection, settings, logger, clock)]),
    );
    this.streams = new Map([...this.boards.values()].map((board) => [board, new LiveStreams(board)]));
    this.assets = deps.assets ?? Assets.read();
    this.audit = new Audit(logger, deps.onAction);
    this.rules = { publicHosts: settings.publicHosts, checksHost: deps.checksHost };
    this.routes = this.makeRoutes();
    this.nowhere = this.route('GET', '*', async () => {
      throw new RequestError(404, 'NOT_FOUND', 'the dashboard has no such page');
    });
  }

  /** Begins to keep figures for the charts. */
  start(): void {
    for (const board of this.boards.values()) board.readings.start();
  }

  /** Ends streams and work that is under way. Idempotent. */
  async close(): Promise<void> {
    this.closing.abort();
    for (const streams of this.streams.values()) streams.close();
    await Promise.all([...this.boards.values()].map((board) => board.close()));
  }

  private makeRoutes(): Route[] {
    const pages = PAGES.map((page): Route => this.route('GET', page, (request) => this.page(page, request)));
    const files = FILES.map((path) =>
      this.route('GET', path, async ({ url, headers }) => {
        const name = pathOf(url).split('/').at(-1)!;
        const encodings = headers['accept-encoding'];
        return this.assets.file(name, Array.isArray(encodings) ? encodings.join() : encodings);
      }),
    );
    const reads = Object.entries(READERS).map(([name, read]) =>
      this.route('GET', READS[name as keyof typeof READERS], async (request) =>
        longJson(await read(await this.toRead(request))),
      ),
    );
    const writes = Object.entries(WRITERS).map(([name, write]) =>
      this.route('POST', WRITES[name as keyof typeof WRITERS], async (request) =>
        json(await write(await this.toWrite(request))),
      ),
    );
    return [
      ...pages,
      ...files,
      ...reads,
      this.route('GET', READS.search, (request) => this.search(request)),
      this.route('GET', READS.live, (request) => this.live(request)),
      this.route('GET', READS.liveOnce, (request) => this.liveOnce(request)),
      ...writes,
      this.route('POST', WRITES.actMatching, (request) => this.actMatching(request)),
    ];
  }

  private route(method: Route['method'], path: string, handle: Route['handle']): Route {
    return {
      method,
      path,
      handle: async (request) => {
        try {
          checkHost(request, this.rules);
          const answer = await handle(request);
          return 'stream' in answer ? this.noting(answer) : answer;
        } catch (error) {
          return errorAnswer(toRequestError(error, this.deps.logger));
        }
      },
    };
  }

  /** A stream has begun when it fails, so that the log alone can tell of it. */
  private noting(answer: StreamedAnswer): StreamedAnswer {
    return {
      ...answer,
      stream: async (write) => {
        try {
          await answer.stream(write);
        } catch (error) {
          this.deps.logger.error('a stream of the dashboard failed', { error });
          throw error;
        }
      },
    };
  }

  private async page(page: string, request: DashboardRequest): Promise<Answer> {
    await this.viewer(request);
    const path = pathOf(request.url);
    const [, last = ''] = /([^/]*)\/?$/.exec(path) ?? [];
    const query = request.url.slice(path.length);
    // The one relative base of all pages fits addresses with the slash for the overview, and without it for others.
    if (page === '' && !path.endsWith('/')) return redirect(`./${last}/${query}`);
    if (page !== '' && path.endsWith('/')) return redirect(`../${last}${query}`);
    return this.assets.page(this.config());
  }

  private config(): PageConfig {
    const { settings, standalone } = this.deps;
    return {
      version: this.version,
      connections: [...this.boards.keys()],
      readOnly: settings.readOnly,
      environment: settings.environment,
      redacts: settings.redact.length > 0,
      standalone,
    };
  }

  private viewer({ source }: DashboardRequest): Promise<Viewer> {
    const { settings } = this.deps;
    return viewerOf(settings.accessRule, source, settings.readOnly);
  }

  /** @throws {RequestError} another site asks, the person may not see anything, or there is no such connection */
  private async toRead(request: DashboardRequest): Promise<ReadContext> {
    checkOrigin(request, this.rules);
    const viewer = await this.viewer(request);
    const query = Fields.ofQuery(request.url);
    return { board: this.board(query), viewer, query, signal: this.signalOf(request) };
  }

  private async toWrite(request: DashboardRequest): Promise<WriteContext> {
    checkProof(request, this.rules);
    const viewer = await this.viewer(request);
    if (viewer.readOnly) throw readOnlyError();
    const body = Fields.ofBody(await request.body());
    return { board: this.board(body), viewer, body, audit: this.audit, signal: this.signalOf(request) };
  }

  private board(fields: Fields): Board {
    const name = fields.text('connection');
    const board = name === undefined ? [...this.boards.values()][0] : this.boards.get(name);
    if (!board) throw invalid([{ field: 'connection', allowed: `one of ${[...this.boards.keys()].join(', ')}` }]);
    return board;
  }

  /** Work ends when its client is gone, or the app shuts down. */
  private signalOf({ signal }: DashboardRequest): AbortSignal {
    return AbortSignal.any([signal, this.closing.signal]);
  }

  private async search(request: DashboardRequest): Promise<Answer> {
    const context = await this.toRead(request);
    return this.searches.run(async () => longJson(await readSearch(context)));
  }

  private async liveOnce(request: DashboardRequest): Promise<Answer> {
    const { board, viewer, query } = await this.toRead(request);
    const watched = readWatched(query, viewer);
    board.readings.look(watched.queues);
    await Promise.all([board.readings.ready(), board.readings.freshen(watched.queues, POLLED_MS, WAIT_MS)]);
    return longJson(await liveMessage(board, viewer, watched));
  }

  private async live(request: DashboardRequest): Promise<StreamedAnswer> {
    const { board, viewer, query } = await this.toRead(request);
    const watched = readWatched(query, viewer);
    const streams = this.streams.get(board)!;
    streams.checkRoom();
    await board.readings.ready();
    return {
      status: 200,
      headers: EVENT_STREAM_HEADERS,
      stream: (write) => streams.write(write, viewer, watched, request.signal),
    };
  }

  private async actMatching(request: DashboardRequest): Promise<StreamedAnswer> {
    const context = await this.toWrite(request);
    const order = readMatchingOrder(context);
    this.bulks.checkRoom();
    return {
      status: 200,
      headers: LINES_HEADERS,
      stream: (write) =>
        this.bulks.run(() => new MatchingWork(context, order, (line) => write(`${JSON.stringify(line)}\n`)).run()),
    };
  }
}

/** Figures for those who poll; what takes longer to read follows with the next answer. */
const POLLED_MS = 1_500;
const WAIT_MS = 200;

const pathOf = (url: string): string => url.split('?', 1)[0]!;
