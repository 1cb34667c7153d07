/** The file that the heartbeat's worker thread runs. */
import { parentPort, workerData } from 'node:worker_threads';
import { openBroker } from '../../broker/open-broker.js';
import { beatInThread, type HeartbeatThreadData } from './remote-heartbeat.js';

beatInThread(parentPort!, workerData as HeartbeatThreadData, openBroker);
