/**
 * A process that does one job and tells what it took: the calls, counted by wrapping koffi and node:fs before
 * the package loads them, or the memory, with nothing wrapped. The package itself has no counters.
 *
 * stdin: { index, job, what }; stdout: { kcmpCalls, procReads, longestMs } or { peakBytes }.
 */
import fs from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SYSCALL_NUMBERS } from '../../src/binding/abi.ts';
import type { Library } from './build.ts';
import { perform, type Job } from './jobs.ts';

type Any = (...args: unknown[]) => unknown;

const counts = { kcmpCalls: 0, procReads: 0, longestMs: 0 };

function timed(call: Any, args: unknown[]): unknown {
  const start = performance.now();
  const result = call(...args);
  counts.longestMs = Math.max(counts.longestMs, performance.now() - start);
  return result;
}
const kcmpNumber = SYSCALL_NUMBERS[process.arch]?.kcmp;

/** x64 and generic numbers of the calls that look up a path: openat, readlinkat, newfstatat, statx. */
const PATH_CALLS: ReadonlySet<unknown> = new Set(process.arch === 'x64' ? [257, 267, 262, 332] : [56, 78, 79, 291]);

/** The koffi that the package itself will load; it has not yet. */
function wrapKoffi(index: string): void {
  const koffi = createRequire(index)('koffi') as { load: (path: string | null) => { func: Any } };
  const { load } = koffi;
  koffi.load = (path) => {
    const shared = load(path);
    const func = (declaration: unknown): Any => {
      const call = shared.func(declaration) as Any;
      const isSyscall = /\bsyscall\(/.test(String(declaration));
      const readsPath = /\b(open|openat|readlink|readlinkat|stat|fstatat|statx)\(/.test(String(declaration));
      return (...args) => {
        if (isSyscall && args[0] === kcmpNumber) counts.kcmpCalls++;
        else if (readsPath || (isSyscall && PATH_CALLS.has(args[0]))) counts.procReads++;
        return timed(call, args);
      };
    };
    return { func };
  };
}

function wrapFs(): void {
  const table = fs as unknown as Record<string, Any>;
  for (const name of [
    'readdirSync',
    'opendirSync',
    'readlinkSync',
    'statSync',
    'lstatSync',
    'readFileSync',
    'openSync',
    'existsSync',
  ]) {
    const call = table[name] as Any;
    table[name] = (...args) => {
      if (String(args[0]).startsWith('/proc')) counts.procReads++;
      return timed(call, args);
    };
  }
  syncBuiltinESMExports();
}

const kilobytes = (field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;

const { index, job, what } = JSON.parse(fs.readFileSync(0, 'utf8')) as {
  index: string;
  job: Job;
  what: 'calls' | 'memory';
};
if (what === 'calls') {
  wrapKoffi(index);
  wrapFs();
}
const library = (await import(pathToFileURL(index).href)) as Library;
if (what === 'calls') {
  perform(library, job);
  process.stdout.write(JSON.stringify(counts));
} else {
  // A small job first, so that only what grows with the scene is charged to it.
  library.groupFiles({ pids: [process.pid] });
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  fs.writeFileSync('/proc/self/clear_refs', '5'); // sets the peak back to what is resident now
  const before = kilobytes('VmRSS');
  perform(library, job);
  process.stdout.write(JSON.stringify({ peakBytes: kilobytes('VmHWM') - before }));
}
