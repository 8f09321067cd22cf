/**
 * `npm run docs`: makes what is made of the help texts and the docstrings, docs/command.md, docs/api.md, docs/api-promises.md and man/*.1. With
 * --check it changes nothing, and fails where what is there differs.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { apiPages } from './api.js';
import { manPage } from './man.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path) => readFileSync(ROOT + path, 'utf8');
const { version } = JSON.parse(read('package.json'));

const main = read('src/cli/help/kcmp.txt');
/** The commands in the order of the help, each with what it is for. */
const commands = [...main.matchAll(/^ {2}([a-z]+)(?: [A-Z[].*?)? {2,}(\w.*)$/gm)].map(([, name, what]) => ({ name, what }));
const helpOf = (name) => read(`src/cli/help/${name}.txt`);

function commandPage() {
  const pages = [{ name: 'kcmp', title: 'kcmp' }, ...commands.map(({ name }) => ({ name, title: `kcmp ${name}` }))];
  const blocks = pages.map(({ name, title }) => `## ${title}\n\`\`\`text\n${helpOf(name)}\`\`\`\n`);
  return ['# The command\n', 'What `kcmp --help` and `kcmp COMMAND --help` print.\n', ...blocks].join('\n');
}

function manPages() {
  const others = ['kcmp', ...commands.map(({ name }) => `kcmp-${name}`)];
  const first = { name: 'kcmp', what: 'what processes of Linux share, and who has a file open', help: main };
  const pages = [first, ...commands.map(({ name, what }) => ({ name: `kcmp-${name}`, what, help: helpOf(name) }))];
  return pages.map((page) => [`man/${page.name}.1`, manPage({ ...page, others, version })]);
}

const made = [['docs/command.md', commandPage()], ...manPages(), ...(await apiPages())];
const isCheck = process.argv.includes('--check');
mkdirSync(`${ROOT}man`, { recursive: true });
const surplus = readdirSync(`${ROOT}man`).filter((name) => !made.some(([path]) => path === `man/${name}`));
const old = (path) => {
  try {
    return read(path);
  } catch {
    return undefined;
  }
};
const stale = [...made.filter(([path, text]) => old(path) !== text).map(([path]) => path), ...surplus.map((name) => `man/${name}`)];
if (!isCheck) for (const [path, text] of made) writeFileSync(ROOT + path, text);
else if (stale.length > 0) {
  console.error(`${stale.join(', ')} differ from what \`npm run docs\` makes`);
  process.exitCode = 1;
}
