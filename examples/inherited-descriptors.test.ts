/**
 * A test suite for programs that start others: it fails when one leaks a descriptor into what it starts.
 * Run by `npx tsx --test examples/inherited-descriptors.test.ts`, both tests pass; the assertion of the second one says:
 *   process 4243 shares 1 descriptor with process 4242:
 *     FD  FROM  KIND     FILE
 *     9   9     regular  /etc/passwd
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { assertNoInherited, inheritedByUs } from 'kcmp';

// Descriptors that this suite was itself started with are not the programs' fault.
const allow = inheritedByUs();

const workers: number[] = [];
after(() => workers.forEach((pid) => process.kill(pid)));

/** Runs a program that starts a worker, which prints its pid; the program is the worker's parent. */
async function workerOf(program: string): Promise<number> {
  const { stdout } = spawn('sh', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [pid] = (await once(stdout, 'data')) as [Buffer];
  workers.push(Number(pid));
  return Number(pid);
}

test('a program that closes its file for its worker leaks nothing', async () => {
  const worker = await workerOf("exec 9< /etc/passwd; sh -c 'echo $$; exec sleep 60' 9<&- & wait");
  assertNoInherited(worker, { allow });
});

test('a program that forgets to is caught', async () => {
  const worker = await workerOf("exec 9< /etc/passwd; sh -c 'echo $$; exec sleep 60' & wait");
  assert.throws(() => assertNoInherited(worker, { allow }), { code: 'ERR_ASSERTION', message: /9 +9 +regular +\/etc\/passwd/ });
});
