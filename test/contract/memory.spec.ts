import { openMemoryQueue } from '@nestjs-asynq/core/testing';
import { describeEveryRole } from './every-role.js';

describeEveryRole('memory', () => openMemoryQueue());
