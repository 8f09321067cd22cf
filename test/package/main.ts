/** `npm run test:package`: packs the package as it would be published, and uses it as strangers would. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundles } from './bundles.ts';
import { consumers } from './consumers.ts';
import { documents } from './documents.ts';
import { installations } from './installed.ts';
import { lint } from './lint.ts';
import { platforms } from './platforms.ts';
import { pack } from './tarball.ts';
import { uncaught } from './uncaught.ts';
import { ways } from './ways.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'kcmp-package-'));
chmodSync(folder, 0o755); // an ordinary user installs from it
const failures: string[] = [];
let held = 0;
try {
  const tarball = pack(ROOT, folder);
  const checks = [
    ...tarball.checks,
    ...documents(ROOT),
    ...installations(folder, tarball.file),
    ...ways(ROOT, folder, tarball.file),
    ...platforms(folder),
    ...uncaught(folder),
    ...bundles(ROOT, folder),
    ...consumers(folder, tarball.file),
    ...lint(folder, tarball.file),
  ];
  for (const { title, run } of checks) {
    try {
      const detail = run();
      held += 1;
      console.log(`ok - ${title}${detail === undefined ? '' : `: ${detail}`}`);
    } catch (error) {
      failures.push(title);
      console.log(`not ok - ${title}\n${(error as Error).message}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${held} checks of the package hold, ${failures.length} fail`);
if (failures.length > 0) process.exitCode = 1;
