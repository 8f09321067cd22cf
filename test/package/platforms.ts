/** Other platforms, by a process that takes itself for one: importing works, and the first call explains itself. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Check } from './check.ts';
import { run } from './shell.ts';

const script = (platform: string): string => `
Object.defineProperty(process, 'platform', { value: '${platform}' });
import('kcmp').then((kcmp) => {
  const packed = kcmp.packEpollSlot({ efd: 1, tfd: 2 }).length;
  try {
    kcmp.sameFile({ pid: process.pid, fd: 0 }, { pid: process.pid, fd: 0 });
  } catch ({ code, message }) {
    console.log(JSON.stringify({ code, message, packed, status: kcmp.probe({ isolated: true }).status }));
  }
});`;

export function platforms(folder: string): Check[] {
  return ['darwin', 'win32'].map((platform) => ({
    title: `on ${platform} it imports, and the first call says why it cannot`,
    run: () => {
      const { code, message, packed, status } = JSON.parse(
        run([process.execPath, '-e', script(platform)], { cwd: join(folder, 'npm') }),
      ) as Record<string, unknown>;
      assert.deepEqual(
        { code, packed, status },
        { code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', packed: 12, status: 'unsupported' },
      );
      assert.match(String(message), new RegExp(platform));
      return String(message);
    },
  }));
}
