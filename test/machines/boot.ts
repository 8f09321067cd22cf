/** A machine switched on, watched, and switched off. */
import { spawn } from 'node:child_process';
import { emulatorOf } from './emulator.ts';
import type { Image } from './image.ts';
import { BEGIN, END } from './init.ts';
import type { Machine } from './machines.ts';

const PATIENCE_MS = 90 * 60_000;
const MEMORY_MB = 2048;

export interface Report {
  ok: boolean;
  /** Of the machine, as uname(2) and Node tell them; undefined when it did not boot. */
  system?: { kernel: string; architecture: string; node: string };
  result: string;
  seconds: number;
  /** All that the machine printed. */
  output: string;
}

export async function boot(
  machine: Machine,
  { kernel, initramfs }: Image,
  files: number,
  watch: boolean,
): Promise<Report> {
  const started = performance.now();
  const [emulator = '', ...flags] = emulatorOf(machine);
  const child = spawn(
    emulator,
    [
      ...flags,
      '-m',
      String(MEMORY_MB),
      '-smp',
      '2',
      '-nic',
      'none',
      '-nographic',
      '-no-reboot',
      '-kernel',
      kernel,
      '-initrd',
      initramfs,
      '-append',
      // What guards against a guessing processor costs much in an emulator, which never guesses.
      `console=${machine.console} panic=-1 quiet mitigations=off`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], timeout: PATIENCE_MS, killSignal: 'SIGKILL' },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text.replaceAll('\r', '');
      if (watch) process.stderr.write(text);
    });
  const status = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });

  const count = (name: string): number => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(output)?.[1] ?? NaN);
  const [pass, fail, skipped] = [count('pass'), count('fail'), count('skipped')];
  const [, release, architecture, node] = new RegExp(`${BEGIN} (\\S+) (\\S+), Node v(\\S+)$`, 'm').exec(output) ?? [];
  const end = new RegExp(`^${END} (\\d+)$`, 'm').exec(output)?.[1];
  const refused = /^ *# refused: (.*)$/m.exec(output)?.[1];
  const asRefused = machine.refused === undefined ? refused === undefined : machine.refused.test(refused ?? '');
  const counts = `${pass} passed${fail > 0 ? `, ${fail} failed` : ''}${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  return {
    ok: end === '0' && fail === 0 && pass >= files && asRefused,
    ...(release && architecture && node ? { system: { kernel: release, architecture, node } } : {}),
    result:
      end === undefined ? `ended early: ${status}` : refused === undefined ? counts : `${counts}; refused: ${refused}`,
    seconds: (performance.now() - started) / 1000,
    output,
  };
}
