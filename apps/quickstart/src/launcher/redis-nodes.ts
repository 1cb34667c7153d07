/** Six Redis servers on 127.0.0.1, which form no cluster yet. */
export interface RedisNodes {
  /** What they run: `redis-server 7.2.4`. */
  readonly program: string;
  /** Ports that must be free. */
  readonly neededPorts: readonly number[];
  /** A hint for a user who continues by hand, such as the location of logs. */
  readonly hint: string;
  /** Starts them, replacing leftovers of an earlier run. They may not listen yet when it resolves. */
  start(): Promise<void>;
  /** Rejects when they end by themselves. Call it after `start`. */
  failure(): Promise<never>;
  /** Stops them and removes their files, even while they start. Otherwise they outlive this process. */
  stop(): Promise<void>;
}

/** A way to run nodes. */
export interface NodeSource {
  /** `undefined`: not available on this machine. */
  find(ports: readonly number[]): RedisNodes | undefined;
  /** Whether an earlier run left nodes on these ports, or their files. */
  hasLeftovers(ports: readonly number[]): boolean;
  /** Stops and removes them. `false`: there are none. */
  stopLeftovers(ports: readonly number[]): Promise<boolean>;
}
