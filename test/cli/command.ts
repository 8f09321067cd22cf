/** The command as tests call it: in this process where only its answer matters, as a real process where streams do. */
import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Io } from '../../src/cli/io.ts';
import { run } from '../../src/cli/run.ts';
import type { Child } from '../support/child.ts';
import '../support/leash.ts';
import * as libc from '../support/libc.ts';

/** No command of a test takes so long. */
const DEADLINE_MS = 120_000;

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
export const COMMAND: string[] = [process.execPath, '--import', import.meta.resolve('tsx'), MAIN];

/** A number that no process has: beyond the kernel's PID_MAX_LIMIT. */
export const NO_PID: number = 2 ** 22 + 1;

export interface Result {
  code: number | null;
  out: string;
  err: string;
}

/** `kcmp …` in this process. */
export async function kcmp(...args: Array<string | number>): Promise<Result> {
  const result = { code: 0, out: '', err: '' };
  const io: Io = {
    out: (text) => void (result.out += text),
    err: (text) => void (result.err += text),
    errIsTerminal: () => false,
    now: () => 0,
  };
  result.code = await run(args.map(String), io);
  return result;
}

/** `kcmp …` in a child, under whatever that was put. */
export const kcmpIn = (child: Child, ...args: Array<string | number>): Promise<Result> =>
  child.run(
    async (_, source: string, args: Array<string | number>) => {
      const { kcmp } = (await import(source)) as typeof import('./command.ts');
      return await kcmp(...args);
    },
    import.meta.url,
    args,
  );

/** The document that `kcmp … --json` prints, with its exit code. */
export async function kcmpJson<T>(
  ...args: Array<string | number>
): Promise<{ code: number | null; report: T; err: string }> {
  const { code, out, err } = await kcmp(...args, '--json');
  return { code, report: JSON.parse(out) as T, err };
}

/** `kcmp …` as a process of its own, perhaps started by another command; its code is null when it hangs. */
export function kcmpProcess(args: Array<string | number>, wrapper: string[] = []): Result {
  const [file = '', ...rest] = [...wrapper, ...COMMAND, ...args.map(String)];
  const { status, stdout, stderr } = spawnSync(file, rest, {
    encoding: 'utf8',
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
  return { code: status, out: stdout, err: stderr };
}

/** The same, not waited for. */
export function startKcmp(args: Array<string | number>, stdio: StdioOptions, wrapper: string[] = []): ChildProcess {
  const [file = '', ...rest] = [...wrapper, ...COMMAND, ...args.map(String)];
  return spawn(file, rest, { stdio });
}

/** A line of a shell in which `kcmp` is the command. */
export function shell(line: string): Result {
  const quoted = COMMAND.map((word) => `'${word}'`).join(' ');
  const { status, stdout, stderr } = spawnSync('sh', ['-c', `kcmp() { ${quoted} "$@"; }; ${line}`], {
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

/** A pipe that no child gets unless it is handed over; Node's own descriptors are so, libc's are not. */
export const pipe = (): [read: number, write: number] => libc.pipe().map(libc.closeOnExec) as [number, number];

/** Names for what differs from run to run: each value is replaced by its name where it stands alone. */
export function mask(text: string, names: Record<string, string | number>): string {
  return Object.entries(names).reduce((masked, [name, value]) => {
    const literal = `${value}`.replaceAll(/[^\w]/g, '\\$&');
    return masked.replaceAll(new RegExp(`(?<!\\w)${literal}(?!\\w)`, 'g'), name);
  }, text);
}

/** Column widths depend on what was masked. */
export const squeeze = (text: string): string => text.replaceAll(/ {2,}/g, '  ');
