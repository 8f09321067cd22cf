/** The reference: the docstrings of all that is public, as typedoc and typedoc-plugin-markdown put them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, makeRecursiveVisitor, TSConfigReader, TypeDocReader } from 'typedoc';

const PAGES = { index: ['api', 'The reference of `kcmp`'], promises: ['api-promises', 'The reference of `kcmp/promises`'] };
const NOTE = 'Made of the docstrings by `npm run docs`. [The library, by question](guide.md) says which of these to ask.';

/** The words of a union stand in the order in which the compiler meets them, wherever that is, so that any change may change it. */
function sortWords(project) {
  const visitor = makeRecursiveVisitor({
    union({ types }) {
      if (types.every(({ type, value }) => type === 'literal' && typeof value === 'string'))
        types.sort((a, b) => (a.value < b.value ? -1 : 1));
    },
  });
  for (const { type } of Object.values(project.reflections)) type?.visit(visitor);
}

/** The pages, each with its path. */
export async function apiPages() {
  const folder = mkdtempSync(join(tmpdir(), 'kcmp-api-'));
  try {
    const options = fileURLToPath(new URL('typedoc.json', import.meta.url));
    const app = await Application.bootstrapWithPlugins({ options, logLevel: 'Warn' }, [new TypeDocReader(), new TSConfigReader()]);
    const project = await app.convert();
    if (project === undefined || app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error('the docstrings have faults');
    sortWords(project);
    app.options.setValue('out', folder);
    await app.generateOutputs(project);
    return Object.entries(PAGES).map(([name, [page, title]]) => {
      const text = readFileSync(join(folder, `${name}.md`), 'utf8')
        .replace(/^# .*\n/, `# ${title}\n\n${NOTE}\n`)
        .replaceAll(/\]\((index|promises)\.md/g, (_, to) => `](${PAGES[to][0]}.md`);
      return [`docs/${page}.md`, text];
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
