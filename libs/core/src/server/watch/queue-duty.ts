import type { Duty, WakeOps } from '../../broker/contract/wake.js';
import { monotonicMs } from '../../runtime/clock.js';
import type { LoopDeps } from '../../runtime/loop.js';
import type { WorkDemand } from './work-demand.js';

/** About how often a follower asks for a duty. With 50 servers that is one request every 0.1 s. */
const ASK_EVERY_MS = 5_000;
/**
 * Interval between the offers of a leader that stays full. From an offer until it is accepted or withdrawn no server
 * leads.
 */
const OFFER_PAUSE_MS = 10_000;

export interface QueueDutyOptions {
  readonly queue: string;
  readonly serverId: string;
  /** How long a duty outlives its holder. It is extended, and the standby checks for a lost leader, twice in that time. */
  readonly leaseMs: number;
  /** Called when this server becomes leader or standby of the queue; the next step is due earlier then. */
  readonly onGained: (duty: Duty) => void;
}

/**
 * This server's role among the servers of a queue: leader, standby or follower. Each step extends its duty or asks for
 * a higher one:
 *
 * - candidate (at start, after a lost or offered lead): asks for the lead, else for standby, else follows
 * - leader: extends; offers the lead when the server is full, and withdraws the offer if no server accepted
 * - standby: asks for the lead, else extends; gives up when it is full
 * - follower: asks for standby, or for the lead while it is full, so that a busy fleet has a leader too
 *
 * Correctness never depends on the role. Two leaders cost commands. After a leader was killed there is none for at most
 * one and a half leases of the duty, or one lease and 6 s if its standby was killed too.
 */
export class QueueDuty {
  private role: Duty | 'follower' | 'candidate' = 'candidate';
  /** Until when the duty is certainly ours, even if Redis does not answer. */
  private heldUntilMs = 0;
  private offeredAtMs = Number.NEGATIVE_INFINITY;
  private lastTurn: Promise<unknown> = Promise.resolve();
  /** Steps and calls that have not ended. */
  private turns = 0;

  constructor(
    private readonly broker: Pick<WakeOps, 'takeDuty' | 'keepDuty' | 'dropDuty' | 'wakeIdle'>,
    private readonly demand: WorkDemand,
    private readonly options: QueueDutyOptions,
    private readonly deps: Pick<LoopDeps, 'clock' | 'random'>,
  ) {}

  isLeader(): boolean {
    return this.role === 'leader' && monotonicMs(this.deps.clock) < this.heldUntilMs;
  }

  isLookout(): boolean {
    return this.role === 'leader' || this.role === 'standby';
  }

  /** The role in which to watch the queue, if it need not be asked for or waited for. */
  get settledRole(): Duty | 'follower' | undefined {
    return this.turns === 0 && this.role !== 'candidate' ? this.role : undefined;
  }

  /** The same; a candidate asks first. */
  async settleRole(): Promise<Duty | 'follower'> {
    return (
      this.settledRole ??
      this.inTurn(async () => {
        if (this.role === 'candidate') await this.stand();
        return this.role === 'candidate' ? 'follower' : this.role;
      })
    );
  }

  /** Asks for the lead out of turn: a wake token may mean that a leader has left. */
  async tryLead(): Promise<void> {
    await this.inTurn(async () => {
      if (this.role === 'follower') await this.take('leader');
    });
  }

  /** Extends the duty, or asks for a higher one; returns the time until the next step, ms. */
  async runOnce(): Promise<number> {
    await this.inTurn(() => this.step());
    const { random = Math.random } = this.deps;
    return this.role === 'follower' ? ASK_EVERY_MS * (0.8 + 0.4 * random()) : this.options.leaseMs / 2;
  }

  /** Gives up the duty, and wakes a server to take the lead at once. */
  async giveUp(): Promise<void> {
    await this.inTurn(() => this.resign());
  }

  /** Serializes steps and outside calls: each reads the role, asks Redis and writes the role. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.turns += 1;
    const turn = this.lastTurn.then(work);
    const end = (): void => void (this.turns -= 1); // the caller gets the error
    this.lastTurn = turn.then(end, end);
    return turn;
  }

  private async step(): Promise<void> {
    if (this.role === 'candidate') return this.stand();
    if (this.role === 'leader') return this.lead();
    if (this.role === 'standby') return this.standBy();
    if (!this.demand.hasRoom(this.options.queue)) await this.take('leader');
    else if (await this.take('standby')) await this.standBy();
  }

  private async stand(): Promise<void> {
    if (await this.take('leader')) return;
    if (this.demand.hasRoom(this.options.queue) && (await this.take('standby'))) return;
    this.role = 'follower';
  }

  private async lead(): Promise<void> {
    if (this.demand.isFull(this.options.queue) && monotonicMs(this.deps.clock) - this.offeredAtMs >= OFFER_PAUSE_MS)
      return this.offerLead();
    if (!(await this.keep('leader'))) await this.stand();
  }

  private async offerLead(): Promise<void> {
    this.offeredAtMs = monotonicMs(this.deps.clock);
    this.role = 'candidate';
    await this.broker.dropDuty(this.options.queue, 'leader', this.options.serverId);
    await this.broker.wakeIdle(this.options.queue, 1);
  }

  private async standBy(): Promise<void> {
    if (this.demand.isFull(this.options.queue)) return this.giveUpStandby();
    if (await this.take('leader')) return this.dropStandbyKey();
    if (!(await this.keep('standby'))) this.role = 'follower';
  }

  private async giveUpStandby(): Promise<void> {
    this.role = 'follower';
    await this.dropStandbyKey();
  }

  private dropStandbyKey(): Promise<void> {
    return this.broker.dropDuty(this.options.queue, 'standby', this.options.serverId);
  }

  private async take(duty: Duty): Promise<boolean> {
    const { queue, serverId, leaseMs } = this.options;
    const untilMs = monotonicMs(this.deps.clock) + leaseMs;
    const isOurs = await this.broker.takeDuty(queue, duty, serverId, leaseMs);
    if (isOurs) this.gain(duty, untilMs);
    return isOurs;
  }

  private async keep(duty: Duty): Promise<boolean> {
    const { queue, serverId, leaseMs } = this.options;
    const untilMs = monotonicMs(this.deps.clock) + leaseMs;
    const isOurs = await this.broker.keepDuty(queue, duty, serverId, leaseMs);
    if (isOurs) this.gain(duty, untilMs);
    return isOurs;
  }

  private gain(duty: Duty, untilMs: number): void {
    const isNews = duty === 'leader' ? !this.isLeader() : this.role !== duty;
    this.role = duty;
    this.heldUntilMs = untilMs;
    if (!isNews) return;
    this.options.onGained(duty);
  }

  private async resign(): Promise<void> {
    const { queue, serverId } = this.options;
    const left = this.role;
    this.role = 'follower';
    if (left !== 'leader' && left !== 'standby') return;
    const dropped = this.broker.dropDuty(queue, left, serverId);
    // Not after the reply: the broker takes calls of one connection in their order.
    await Promise.all([dropped, left === 'leader' && this.broker.wakeIdle(queue, 1)]);
  }
}
