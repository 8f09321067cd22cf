/** Programs that must succeed. */
import { spawnSync } from 'node:child_process';

const MAX_OUTPUT = 256 * 1024 * 1024;

/** @returns what it printed on stdout */
export function run(command: string, args: string[], cwd: string, input?: string): string {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
    ...(input === undefined ? {} : { input }),
  });
  if (status === 0) return stdout;
  throw new Error(
    `${command} ${args.join(' ')}: ${error?.message ?? signal ?? `exit code ${status}`}\n${stdout}${stderr}`,
  );
}
