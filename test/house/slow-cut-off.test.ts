/** A test that is cut off leaves no process behind, whatever cuts it off and whatever it has started. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import '../support/leash.ts';
import { numbersIn, statOf } from '../support/scenes.ts';
import { until } from '../support/until.ts';

const TEST = fileURLToPath(new URL('../', import.meta.url));
/** What too long is; the scene may not be set by then on a slow machine, but whatever is there has to go. */
const TOO_LONG_MS = 8000;

interface Process {
  pid: number;
  parent: number;
  start: string | undefined;
}

const orNone = <T>(look: () => T[]): T[] => {
  try {
    return look();
  } catch {
    return []; // it has ended
  }
};

/** Every process but those that have ended and are only not collected. */
const processes = (): Process[] =>
  numbersIn('/proc').flatMap((pid) =>
    orNone(() => {
      const stat = statOf(pid);
      return stat[0] === 'Z' ? [] : [{ pid, parent: Number(stat[1]), start: stat[19] }];
    }),
  );

/** All below a process, and all that have a text in their environment, as its orphans do. */
function startedBy(root: number, mark: string): Process[] {
  const all = processes();
  const parents = new Map(all.map(({ pid, parent }) => [pid, parent]));
  const isBelow = (pid: number): boolean => pid === root || (pid > 0 && isBelow(parents.get(pid) ?? 0));
  const isMarked = (pid: number): boolean =>
    orNone(() => [readFileSync(`/proc/${pid}/environ`, 'latin1')]).some((text) => text.includes(mark));
  return all.filter(({ pid }) => isBelow(pid) || isMarked(pid));
}

type Cut = (runner: number, file: number) => void;
const CUTS: Array<[how: string, file: string, cut: Cut | undefined]> = [
  ['that is killed', 'endless', (_, file) => process.kill(file, 'SIGKILL')],
  ['that is killed in a pid namespace of its own', 'endless-alone', (_, file) => process.kill(file, 'SIGKILL')],
  ['whose runner is killed', 'endless', (runner) => process.kill(runner, 'SIGKILL')],
  ['whose runner is interrupted', 'endless', (runner) => process.kill(runner, 'SIGINT')],
  ['that takes too long', 'endless', undefined],
];

describe('nothing is left of a test', { concurrency: true }, () => {
  for (const [how, file, cut] of CUTS) {
    test(how, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'kcmp-endless-'));
      const ready = join(folder, 'ready');
      // A runner inside of a runner would run nothing.
      const { NODE_TEST_CONTEXT: _, ...env } = process.env;
      const flags = ['--import', 'tsx', '--test', ...(cut === undefined ? [`--test-timeout=${TOO_LONG_MS}`] : [])];
      const runner = spawn(process.execPath, [...flags, join(TEST, `house/fixtures/${file}.test.ts`)], {
        stdio: 'ignore',
        env: { ...env, KCMP_SCENE: ready, TMPDIR: folder },
      });
      const { pid = 0 } = runner;
      const ended = once(runner, 'exit');
      t.after(async () => {
        runner.kill('SIGKILL');
        await ended;
        rmSync(folder, { recursive: true });
      });
      await until('all is started', () => existsSync(ready) || runner.exitCode !== null);
      const started = startedBy(pid, ready);
      if (cut !== undefined) {
        assert.ok(started.length >= 10, `${started.length} processes were started`);
        cut(pid, started.find(({ parent }) => parent === pid)?.pid ?? 0);
      }
      await until('all have ended', () => {
        const all = processes();
        const left = started.filter(({ pid, start }) => all.some((each) => each.pid === pid && each.start === start));
        return left.length === 0 && startedBy(pid, ready).length === 0;
      });
    });
  }
});
