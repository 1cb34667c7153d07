/** The file that the heartbeat's worker thread runs. */
import { parentPort, workerData } from 'node:worker_threads';
import { openConnection } from '../../broker/open-broker.js';
import { beatInThread, type HeartbeatThreadData } from './remote-heartbeat.js';

// The main thread warns of missing rights of the same user.
beatInThread(parentPort!, workerData as HeartbeatThreadData, (connection, options) =>
  openConnection(connection, { ...options, refusalLevel: 'debug' }),
);
