/** All test files that `npm test` runs. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

export function testFiles(root: string): string[] {
  const test = join(root, 'test');
  const folders = readdirSync(test, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders
    .flatMap(({ name }) =>
      readdirSync(join(test, name))
        .filter((file) => file.endsWith('.test.ts'))
        .map((file) => join('test', name, file)),
    )
    .sort();
}
