import { runProgram } from '../program/run-program.js';
import { ours } from './driver.js';

runProgram(ours);
