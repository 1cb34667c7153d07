import type { Contender, ContenderId } from './contenders/contender.js';
import type { Figure, Sample } from './figures/figure.js';
import { OthersLoad } from './stand/others-load.js';
import { PostgresStore, RedisStore, type Store } from './stand/store.js';
import { Turn } from './stand/turn.js';

export interface RunOptions {
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  /** Share of the numbers of tasks of a full run. */
  readonly scale: number;
  /** Folder of PostgreSQL's programs. */
  readonly postgres: string | undefined;
  readonly log: (line: string) => void;
}

export interface FigureRun {
  readonly figure: Figure;
  /** By contender, a sample per round. */
  readonly samples: ReadonlyMap<Contender, readonly Sample[]>;
  readonly others: OthersLoad;
}

/** Runs a figure: in every round each contender once, starting with another one. */
export async function runFigure(figure: Figure, options: RunOptions): Promise<FigureRun> {
  const { contenders, rounds, log } = options;
  const taking = figure.contenders.flatMap((id) => contenders.filter((contender) => contender.id === id));
  const samples = new Map(taking.map((contender): [Contender, Sample[]] => [contender, []]));
  const others = new OthersLoad();
  await using stores = new Stores(figure, options);

  for (let round = 0; round < rounds; round++) {
    for (const contender of rotated(taking, round)) {
      const sample = await stores.lend(contender, (turn) => others.during(() => figure.measure(turn)));
      samples.get(contender)!.push(sample);
      log(`  round ${round + 1}, ${contender.id}: ${shown(figure, sample)}`);
    }
  }
  return { figure, samples, others };
}

/** The stores of a figure: a fresh one for each turn, or, when it is prepared, one per contender. */
class Stores implements AsyncDisposable {
  private readonly kept = new Map<ContenderId, Store>();

  constructor(
    private readonly figure: Figure,
    private readonly options: RunOptions,
  ) {}

  async lend(contender: Contender, use: (turn: Turn) => Promise<Sample>): Promise<Sample> {
    if (this.figure.prepare) {
      await using turn = this.turnOf(contender, await this.prepared(contender, this.figure.prepare));
      return await use(turn);
    }
    await using store = await this.start(contender);
    await using turn = this.turnOf(contender, store);
    return await use(turn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.kept.values()].map((store) => store[Symbol.asyncDispose]()));
  }

  private async prepared(contender: Contender, prepare: NonNullable<Figure['prepare']>): Promise<Store> {
    const kept = this.kept.get(contender.id);
    if (kept) return kept;
    const store = await this.start(contender);
    this.kept.set(contender.id, store);
    await using turn = this.turnOf(contender, store);
    await prepare(turn);
    return store;
  }

  private turnOf(contender: Contender, store: Store): Turn {
    return new Turn(contender, store, this.options.scale);
  }

  private start({ store }: Contender): Promise<Store> {
    return store === 'redis' ? RedisStore.start() : PostgresStore.start(this.options.postgres!);
  }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

function shown({ measures }: Figure, sample: Sample): string {
  const parts = measures
    .filter(({ key }) => key in sample)
    .map(({ key, title }) => `${sample[key]!.toFixed(1)} ${title}`);
  return parts.join('; ');
}
