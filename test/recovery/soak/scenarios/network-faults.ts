import { sleep } from '../../../support/load.js';
import type { SingleStage } from '../stages/single-stage.js';
import type { Scenario } from '../trial.js';

/** Longer than a connection may take to become ready. */
const HALF_OPEN_MS = 7_000;

export const cutConnections: Scenario<SingleStage> = {
  key: 'cut',
  name: 'a proxy that cuts connections',
  faults: 6,
  async inject({ ledger, stage, random }) {
    await ledger.during({ kind: 'service' }, async () => {
      for (let cuts = random.between(1, 6); cuts > 0; cuts--) {
        stage.cable.cut();
        await sleep(random.between(0, 400));
      }
    });
  },
};

export const delayReplies: Scenario<SingleStage> = {
  key: 'delay',
  name: 'a proxy that delays each reply by up to 500 ms',
  faults: 4,
  async inject({ ledger, stage, random }) {
    await ledger.during({ kind: 'service' }, async () => {
      stage.cable.delay(random.between(50, 500));
      await sleep(3_000);
      stage.cable.delay(0);
    });
  },
};

export const loseReplies: Scenario<SingleStage> = {
  key: 'lose-replies',
  name: 'a proxy that swallows replies',
  faults: 5,
  async inject({ ledger, stage, random }) {
    await ledger.during({ kind: 'service' }, async () => {
      for (let losses = random.between(3, 10); losses > 0; losses--) {
        stage.cable.loseReplies();
        await sleep(random.between(100, 400));
      }
    });
  },
};

export const silenceConnections: Scenario<SingleStage> = {
  key: 'silence',
  name: 'a proxy whose connections fall silent',
  faults: 5,
  async inject(trial) {
    await trial.away('service', async () => {
      trial.stage.cable.pull();
      await trial.ledger.startedSince(Date.now()); // over new connections
    });
  },
};

export const halfOpenConnections: Scenario<SingleStage> = {
  key: 'half-open',
  name: 'a proxy that accepts connections and answers nothing for 7 s',
  faults: 3,
  async inject(trial) {
    const { cable } = trial.stage;
    await trial.away('service', async () => {
      const over = sleep(HALF_OPEN_MS);
      cable.hang(over);
      cable.cut();
      await over;
    });
  },
};

export const NETWORK_FAULTS: readonly Scenario<SingleStage>[] = [
  cutConnections,
  delayReplies,
  loseReplies,
  silenceConnections,
  halfOpenConnections,
];
