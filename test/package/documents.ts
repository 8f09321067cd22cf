/** What is made of the help texts and the docstrings: as it was made of what they say today. */
import type { Check } from './check.ts';
import { run } from './shell.ts';

export const documents = (root: string): Check[] => [
  {
    title: 'the manual pages and the reference are what npm run docs makes',
    run: () => {
      run(['npm', 'ci', '--prefix', 'tools', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root });
      run([process.execPath, 'tools/main.js', '--check'], { cwd: root });
    },
  },
];
