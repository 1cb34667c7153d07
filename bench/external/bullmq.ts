import { runProgram } from '../program/run-program.js';
import { bullmq } from './bullmq-driver.js';

runProgram(bullmq);
