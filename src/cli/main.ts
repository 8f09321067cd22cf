#!/usr/bin/env node
/**
 * The process around run(): the only file of the command that touches argv, the standard streams and
 * the exit code.
 *
 * SIGINT keeps its default action: the scans are synchronous, so a handler would run after them, and
 * whoever pressed Ctrl-C would wait. The process ends at once, by the signal, which a shell shows as 130.
 */
import { clock } from '../util/clock.ts';
import type { Io } from './io.ts';

// An import statement costs a millisecond or two, as much as all of `kcmp --help` may take.
const { fstatSync, writeSync } = process.getBuiltinModule('node:fs');

const RETRY_MS = 5;
let outputClosed = false;

/** Writes all of it, also into a pipe that somebody made non-blocking. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

/** A reader that has gone away (`| head -1`) is no trouble: nothing more is written, nothing is said. */
function out(text: string): void {
  if (outputClosed) return;
  try {
    writeAll(1, text);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EPIPE') throw new Error(`the output cannot be written: ${message}`, { cause: error });
    outputClosed = true;
  }
}

function err(text: string): void {
  try {
    writeAll(2, text);
  } catch {
    // Nobody is left who could be told.
  }
}

/** Of /dev/null and its like. */
const MEMORY_MAJOR = 1;

/** tty is one more builtin to load, and most outputs are plainly none. */
function isTerminal(fd: number): boolean {
  const stat = fstatSync(fd);
  return stat.isCharacterDevice() && stat.rdev >> 8 !== MEMORY_MAJOR && process.getBuiltinModule('node:tty').isatty(fd);
}

const io: Io = {
  out,
  err,
  outIsTerminal: () => isTerminal(1),
  columns: () => process.stdout.columns,
  errIsTerminal: () => isTerminal(2),
  now: clock,
  isAlone: true,
};

/** A module that was lost is told with all that wanted it; the first line says which. */
const firstLine = ({ message }: Error): string => message.split('\n', 1)[0] as string;

async function main(): Promise<void> {
  // Trouble until there is an answer: a module that cannot be loaded is no "different".
  process.exitCode = 2;
  try {
    process.exitCode = await (await import('./run.ts')).run(process.argv.slice(2), io);
  } catch (error) {
    err(`kcmp: ${firstLine(error as Error)}\n`);
  }
}

void main();
