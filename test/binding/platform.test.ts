/** Where kcmp cannot work: importing is fine, the first call says why, and probe says unsupported. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ENTRY, runScript } from '../support/script.ts';

const OUTCOME = `
  const outcome = (run) => {
    try {
      return { value: run() };
    } catch (error) {
      const { name, code, message, cause } = error;
      return { name, code, message, ...(cause && { cause: cause.message }) };
    }
  };`;

interface Outcome {
  value?: unknown;
  name?: string;
  code?: string;
  message?: string;
  cause?: string;
}

describe('on a platform that is not served', () => {
  type Report = Record<'platforms' | 'architectures' | 'bigEndian' | 'calls' | 'probes', Outcome[]> & {
    packed: number[];
    native: boolean;
    home: Outcome;
  };
  let report: Report;
  before(() => {
    // One process plays all of them, and in the end is itself again: a refusal must not stick.
    report = runScript(`
      import os from 'node:os';
      import { readFileSync } from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const { platform, arch, pid } = process;
      const set = (key, value) => Object.defineProperty(process, key, { value });
      set('platform', 'darwin');
      const kcmp = await import(${JSON.stringify(ENTRY)});
      ${OUTCOME}
      const call = () => outcome(() => kcmp.kcmp(pid, pid, 1));
      const isolated = () => kcmp.probe({ isolated: true });
      const ref = { pid, fd: 1 };
      const target = { pid, efd: 1, tfd: 1 };
      const calls = [
        () => kcmp.kcmp(pid, pid, 0, 1, 1), () => kcmp.kcmp(pid, pid, 7, 1, target), () => kcmp.sameFile(ref, ref),
        () => kcmp.compareFiles(ref, ref), () => kcmp.isEpollTarget(ref, target), () => kcmp.compareEpollTarget(ref, target),
        () => kcmp.compareTasks(pid, pid, 'vm'),
      ].map(outcome);
      const packed = [...kcmp.packEpollSlot({ efd: 1, tfd: 2 })];
      const probes = [kcmp.probe(), isolated()];
      const platforms = ['darwin', 'win32', 'freebsd', 'android'].map((name) => (set('platform', name), call()));
      set('platform', platform);
      const architectures = ['mips', 'mipsel', 's390', 'unheard-of'].map((name) => (set('arch', name), probes.push(kcmp.probe()), call()));
      set('arch', 's390x');
      os.endianness = () => 'BE';
      syncBuiltinESMExports();
      const bigEndian = [call()];
      probes.push(kcmp.probe());
      set('arch', arch);
      os.endianness = () => 'LE';
      syncBuiltinESMExports();
      const native = readFileSync('/proc/self/maps', 'utf8').includes('koffi');
      console.log(JSON.stringify({ calls, packed, probes, platforms, architectures, bigEndian, native, home: call() }));
    `) as Report;
  });

  const CODE = 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM';
  const assertRefused = (outcomes: Outcome[], message: RegExp): void => {
    assert.ok(outcomes.length > 0);
    for (const outcome of outcomes) {
      assert.equal(outcome.code, CODE);
      assert.match(outcome.message ?? '', message);
    }
  };

  test('every call throws ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', () => {
    assert.equal(report.calls.length, 7);
    assertRefused(report.calls, /Linux only/);
  });
  test('the error names the platform, which is not Linux', () => {
    assertRefused(report.platforms, /exists on Linux only, and this is (darwin|win32|freebsd|android)/);
  });
  test('the error names the architecture, which is unknown', () => {
    assertRefused(report.architectures, /architecture (mips|mipsel|s390|unheard-of) is not served/);
  });
  test('the error names the byte order, which is big-endian', () =>
    assertRefused(report.bigEndian, /big-endian s390x/));
  test('a slot can be packed all the same', () =>
    assert.deepEqual(report.packed, [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]));
  test('probe says unsupported, isolated or not', () => {
    assert.deepEqual(
      [...new Set(report.probes.map((probe) => (probe as { status?: string }).status))],
      ['unsupported'],
    );
    assert.equal(report.probes.length, 7);
  });
  test('nothing native is loaded', () => assert.equal(report.native, false));
  test('a refusal does not stick', () => assert.deepEqual(report.home, { value: 0 }));
});

describe('in an installation without koffi', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kcmp-install-'));
  const entry = pathToFileURL(join(folder, 'src/index.ts')).href;
  const installed = fileURLToPath(new URL('../../node_modules/koffi', import.meta.url));
  before(() => {
    cpSync(dirname(fileURLToPath(ENTRY)), join(folder, 'src'), { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  });
  after(() => rmSync(folder, { recursive: true }));

  const ask = (before = ''): { calls: Outcome[]; probe: { status: string; reason: string; fix?: string } } =>
    runScript(`
      ${before}
      const kcmp = await import(${JSON.stringify(entry)});
      ${OUTCOME}
      const call = () => outcome(() => kcmp.kcmp(process.pid, process.pid, 1));
      console.log(JSON.stringify({ calls: [call(), call()], probe: kcmp.probe() }));
    `) as ReturnType<typeof ask>;

  function assertNamed(cause: RegExp): void {
    const { calls, probe } = ask();
    for (const { code, message, cause: first } of calls) {
      assert.equal(code, 'ERR_KOFFI_UNAVAILABLE');
      assert.match(message ?? '', new RegExp(`package koffi .*@koromix/koffi-linux-${process.arch}.*--omit=optional`));
      assert.match(first ?? '', cause);
    }
    assert.equal(probe.status, 'unsupported');
    assert.match(`${probe.reason} ${probe.fix}`, /koffi.*install/);
  }

  test('every call throws ERR_KOFFI_UNAVAILABLE, which names the package and keeps the cause', () => {
    assertNamed(/Cannot find module 'koffi'/);
  });

  test('the same is said when koffi is there and its binary is not', () => {
    mkdirSync(join(folder, 'node_modules'));
    cpSync(installed, join(folder, 'node_modules/koffi'), { recursive: true });
    assertNamed(/native Koffi module/);
  });

  test('where no more files can be opened it says that, and not to install it', {
    skip: process.arch === 'riscv64' && 'then it is not told either what the processor can do',
  }, () => {
    const script = `
      import fs from 'node:fs';
      import { setTimeout } from 'node:timers/promises';
      const { kcmp } = await import(${JSON.stringify(ENTRY)});
      // The loader reads in threads of its own: what these close would be free for koffi.
      for (let round = 0; round < 10; round++) {
        try {
          for (;;) fs.openSync('/dev/null');
        } catch {}
        await setTimeout(20);
      }
      try {
        kcmp(process.pid, process.pid, 1);
      } catch ({ code, message }) {
        fs.writeSync(1, code + ' ' + message);
      }`;
    // Above what the loader has open at once: it reads all that a module imports at the same time.
    const command = 'ulimit -n 1000; exec "$@"';
    const args = [process.execPath, '--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script];
    const { stdout, stderr } = spawnSync('sh', ['-c', command, 'sh', ...args], { encoding: 'utf8' });
    assert.equal(stderr, '');
    assert.match(stdout, /^ERR_KOFFI_UNAVAILABLE .* may open no more files: close some, or raise ulimit -n\.$/);
  });

  test('a binary for riscv64 that would end the process is not loaded, and what was compiled here is', {
    skip: process.arch === 'riscv64' && 'this processor may have all that it needs',
  }, () => {
    // Nothing but riscv64 has a line `isa`, so that no other machine's /proc/cpuinfo vouches for the processor.
    const binary = join(folder, 'node_modules/@koromix/koffi-linux-riscv64');
    const askAsRiscv = (): ReturnType<typeof ask> =>
      ask(`Object.defineProperty(process, 'arch', { value: 'riscv64' });`);
    mkdirSync(binary, { recursive: true });
    writeFileSync(join(binary, 'package.json'), '{ "main": "index.js" }');
    writeFileSync(join(binary, 'index.js'), `process.kill(process.pid, 'SIGILL');`);
    const { calls, probe } = askAsRiscv();
    assert.deepEqual([...new Set(calls.map(({ code }) => code))], ['ERR_FEATURE_UNAVAILABLE_ON_PLATFORM']);
    assert.match(probe.reason, /needs a processor of the profile RVA23/);
    assert.match(probe.fix ?? '', /koffi-linux-riscv64, then npm rebuild koffi/);
    rmSync(binary, { recursive: true });
    assert.deepEqual([...new Set(askAsRiscv().calls.map(({ code }) => code))], ['ERR_KOFFI_UNAVAILABLE']);
  });
});
