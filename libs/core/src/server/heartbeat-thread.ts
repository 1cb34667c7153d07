/** The file that the heartbeat's worker thread runs. */
import { parentPort, workerData } from 'node:worker_threads';
import { openBroker } from '../broker/open-broker.js';
import { beatInThread, type HeartThreadData } from './thread-heart.js';

beatInThread(parentPort!, workerData as HeartThreadData, openBroker);
