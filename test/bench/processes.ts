/** Whole processes as sides: their start counts, what they print goes nowhere. */
import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import type { Side } from './measure.ts';

/** A command from start to end. lsof ends with 1 when one of many pids is gone; 2 is trouble everywhere. */
export function wholeProcess(command: string, args: readonly string[], name: string = basename(command)): Side {
  const run = (): void => {
    const { status, error, stderr } = spawnSync(command, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    if (status === null || status > 1) throw error ?? new Error(`${name} ended with ${status}: ${stderr}`);
  };
  return { name, run };
}
