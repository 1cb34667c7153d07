import type { Duty, WakeOps } from '../../broker/contract/wake.js';
import { monotonicMs } from '../../runtime/clock.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import type { WorkDemand } from './work-demand.js';

/** How long a duty outlives its holder. */
const DUTY_LEASE_MS = 6_000;
/** How often a duty is prolonged, and how often the standby checks whether the leader is gone. */
const RENEW_MS = 3_000;
/** About how often a follower asks for a duty. With 50 servers that is one request every 0.1 s. */
const ASK_EVERY_MS = 5_000;
/** Time between two offers of a leader that stays full. From an offer until it is accepted or withdrawn no server leads. */
const OFFER_PAUSE_MS = 10_000;

export interface QueueDutyOptions {
  readonly queue: string;
  readonly serverId: string;
  /** Called when this server becomes leader or standby of the queue. */
  readonly onGained: (duty: Duty) => void;
}

/**
 * This server's role in a queue's fleet: leader, standby or follower. Each step prolongs its duty or asks for a higher one:
 *
 * - candidate (at start, after a lost or offered lead): asks for the lead, else for standby, else follows
 * - leader: prolongs; offers the lead when the server is full, and withdraws the offer if no server accepted
 * - standby: asks for the lead, else prolongs; gives up when it is full
 * - follower: asks for standby, or for the lead while it is full, so that a busy fleet has a leader too
 *
 * Correctness never rests on the role. Two leaders cost commands. After a leader was killed there is none for 9 s at most,
 * for 12 s if its standby was killed too.
 */
export class QueueDuty extends Loop {
  private role: Duty | 'follower' | 'candidate' = 'candidate';
  /** How long the duty is certainly ours, even if Redis does not answer. */
  private heldUntilMs = 0;
  private offeredAtMs = Number.NEGATIVE_INFINITY;
  private lastTurn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly broker: Pick<WakeOps, 'takeDuty' | 'keepDuty' | 'dropDuty' | 'wakeIdle'>,
    private readonly demand: WorkDemand,
    private readonly options: QueueDutyOptions,
    deps: LoopDeps,
  ) {
    super(`duty of queue "${options.queue}"`, deps);
  }

  isLeader(): boolean {
    return this.role === 'leader' && monotonicMs(this.clock) < this.heldUntilMs;
  }

  /** The role to watch the queue in; a candidate asks first. */
  async settleRole(): Promise<Duty | 'follower'> {
    return this.inTurn(async () => {
      if (this.role === 'candidate') await this.stand();
      return this.role === 'candidate' ? 'follower' : this.role;
    });
  }

  /** Asks for the lead out of turn: a wake token may mean that a leader has left. */
  async tryLead(): Promise<void> {
    await this.inTurn(async () => {
      if (this.role === 'follower') await this.take('leader');
    });
  }

  async runOnce(): Promise<number> {
    await this.inTurn(() => this.step());
    return this.role === 'follower' ? ASK_EVERY_MS * (0.8 + 0.4 * this.random()) : RENEW_MS;
  }

  /** Gives up the duty, and wakes a server to take the lead at once. */
  override async stop(): Promise<void> {
    await super.stop();
    try {
      await this.inTurn(() => this.resign());
    } catch (error) {
      // The duty's lease expires by itself; a standby or a follower asks within seconds.
      this.logger.debug(`${this.name} could not be given up`, { error });
    }
  }

  /** Serializes steps and outside calls: each reads the role, asks Redis and writes the role. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.lastTurn.then(work);
    this.lastTurn = turn.catch(() => undefined); // the caller gets the error
    return turn;
  }

  private async step(): Promise<void> {
    if (this.role === 'candidate') return this.stand();
    if (this.role === 'leader') return this.lead();
    if (this.role === 'standby') return this.standBy();
    if (!this.demand.hasFreeSlots) await this.take('leader');
    else if (await this.take('standby')) await this.standBy();
  }

  private async stand(): Promise<void> {
    if (await this.take('leader')) return;
    if (this.demand.hasFreeSlots && (await this.take('standby'))) return;
    this.role = 'follower';
  }

  private async lead(): Promise<void> {
    if (this.demand.isFull && monotonicMs(this.clock) - this.offeredAtMs >= OFFER_PAUSE_MS) return this.offerLead();
    if (!(await this.keep('leader'))) await this.stand();
  }

  private async offerLead(): Promise<void> {
    this.offeredAtMs = monotonicMs(this.clock);
    this.role = 'candidate';
    await this.broker.dropDuty(this.options.queue, 'leader', this.options.serverId);
    await this.broker.wakeIdle(this.options.queue, 1);
  }

  private async standBy(): Promise<void> {
    if (this.demand.isFull) return this.giveUpStandby();
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
    const { queue, serverId } = this.options;
    const untilMs = monotonicMs(this.clock) + DUTY_LEASE_MS;
    const isOurs = await this.broker.takeDuty(queue, duty, serverId, DUTY_LEASE_MS);
    if (isOurs) this.gain(duty, untilMs);
    return isOurs;
  }

  private async keep(duty: Duty): Promise<boolean> {
    const { queue, serverId } = this.options;
    const untilMs = monotonicMs(this.clock) + DUTY_LEASE_MS;
    const isOurs = await this.broker.keepDuty(queue, duty, serverId, DUTY_LEASE_MS);
    if (isOurs) this.gain(duty, untilMs);
    return isOurs;
  }

  private gain(duty: Duty, untilMs: number): void {
    const isNews = duty === 'leader' ? !this.isLeader() : this.role !== duty;
    this.role = duty;
    this.heldUntilMs = untilMs;
    if (!isNews) return;
    this.wake(); // so that the duty is prolonged in time
    this.options.onGained(duty);
  }

  private async resign(): Promise<void> {
    const { queue, serverId } = this.options;
    const left = this.role;
    this.role = 'follower';
    if (left === 'leader' || left === 'standby') await this.broker.dropDuty(queue, left, serverId);
    if (left === 'leader') await this.broker.wakeIdle(queue, 1);
  }
}
