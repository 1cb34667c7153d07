import { openMemoryQueue } from '../support/test-queue.js';
import { describeEveryRole } from './every-role.js';

describeEveryRole('memory', () => openMemoryQueue());
