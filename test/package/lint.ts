/** What two linters of packages say of the tarball, pinned and run without being dependencies. */
import type { Check } from './check.ts';
import { run } from './shell.ts';

const PUBLINT = 'publint@0.3.25';
const ATTW = '@arethetypeswrong/cli@0.18.5';

export function lint(folder: string, tarball: string): Check[] {
  return [
    {
      title: `${PUBLINT} finds nothing`,
      run: () => {
        run(['npm', 'exec', '--yes', '--', PUBLINT, '--strict', tarball], { cwd: folder });
      },
    },
    // CommonJS gets the ES module itself, by require(), which every Node of the engines can. Node 10 knows no exports.
    {
      title: `${ATTW} finds nothing`,
      run: () => {
        run(
          [
            'npm',
            'exec',
            '--yes',
            '--',
            ATTW,
            tarball,
            '--profile',
            'node16',
            '--ignore-rules',
            'cjs-resolves-to-esm',
            '--no-color',
          ],
          { cwd: folder },
        );
      },
    },
  ];
}
