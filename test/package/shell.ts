/** Programs run for their output; one that fails is an error with all that it printed. */
import { spawnSync } from 'node:child_process';

export interface RunOptions {
  cwd: string;
  env?: NodeJS.ProcessEnv;
}

const PATIENCE_MS = 10 * 60_000;
const MAX_OUTPUT = 64 * 1024 * 1024;

// What `npm run` tells its scripts would make an npm below it work on this project instead of on its own folder.
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_TEST_CONTEXT$|^INIT_CWD$/i.test(name)),
);

/** @returns what it printed on stdout */
export function run(command: string[], { cwd, env = {} }: RunOptions): string {
  const { status, signal, error, stdout, stderr } = spawnSync(command[0] as string, command.slice(1), {
    cwd,
    env: { ...inherited, ...env },
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
  });
  if (status === 0) return stdout;
  throw new Error(`${command.join(' ')}: ${error?.message ?? signal ?? `exit code ${status}`}\n${stdout}${stderr}`);
}
