/** One program in one runtime, judged by what it says it did: a run that did nothing is a failure. */
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';

export interface Outcome {
  ok: boolean;
  /** What held, in short. */
  result: string;
  seconds: number;
  /** All that was printed, for a failure. */
  output: string;
}

const PATIENCE_MS = 20 * 60_000;

async function run(
  binary: string,
  args: string[],
  cwd: string,
  more: NodeJS.ProcessEnv = {},
): Promise<{ status: string; output: string; seconds: number }> {
  const started = performance.now();
  // What the suite starts by name is this runtime as well; and a runner inside of a runner would run nothing.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(binary, args, {
    cwd,
    env: { ...env, ...more, PATH: `${dirname(binary)}:${env['PATH']}` },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const status = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  return { status, output, seconds: (performance.now() - started) / 1000 };
}

/** The main facts; `leftOut` is how many this runtime has to leave out. */
export async function runFacts(
  binary: string,
  args: string[],
  cwd: string,
  leftOut: number,
  env?: NodeJS.ProcessEnv,
): Promise<Outcome> {
  const { status, output, seconds } = await run(binary, args, cwd, env);
  const [, hold, fail, left] = /^(\d+) facts hold, (\d+) fail, (\d+) left out$/m.exec(output) ?? [];
  const ok = status === 'exit code 0' && Number(hold) > 0 && fail === '0' && Number(left) === leftOut;
  const result =
    hold === undefined
      ? status
      : `${hold} facts hold${fail === '0' ? '' : `, ${fail} fail`}${left === '0' ? '' : `, ${left} left out`}`;
  return { ok, result, seconds, output };
}

/** The whole test suite. */
export async function runSuite(node: string, files: string[], cwd: string): Promise<Outcome> {
  const { status, output, seconds } = await run(
    node,
    ['--import', 'tsx', '--test', '--test-timeout=300000', '--test-reporter=tap', ...files],
    cwd,
  );
  const count = (name: string): number => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(output)?.[1] ?? NaN);
  const [pass, fail, skipped] = [count('pass'), count('fail'), count('skipped')];
  // Fewer tests than files: a file ended before it ran any.
  const ok = status === 'exit code 0' && pass >= files.length && fail === 0;
  return {
    ok,
    result: Number.isNaN(pass) ? status : `${pass} tests pass, ${fail} fail, ${skipped} skipped`,
    seconds,
    output,
  };
}
