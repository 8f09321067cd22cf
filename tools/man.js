/**
 * The manual pages: the help texts with the headings of man-pages(7), made roff by marked-man. What is indented is laid
 * out for 80 columns, and stays as it is.
 */
import { marked } from 'marked';
import markedMan from 'marked-man';

marked.use(markedMan);

/** What opens a paragraph of a help text, and the heading that it goes under. */
const HEADINGS = [
  [/^Usage: /, 'SYNOPSIS'],
  [/^Commands:\n/, 'COMMANDS'],
  [/^Options:\n/, 'OPTIONS'],
  [/^Exit code: /, 'EXIT STATUS'],
  [/^Examples?(?:, (.*?))?:?\n/, 'EXAMPLES'],
];
const isOptions = (text) => /^ {2}-/m.test(text);
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const literal = (text) => `\`\`\`\n${text.replace(/^ {2}/gm, '')}\n\`\`\``;

/** Lines as they are where any is indented, which a sentence may stand before; else one paragraph. */
function body(text) {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.startsWith('  '));
  if (first === -1) return lines.join(' ').replaceAll(/([*_<>])/g, '\\$1');
  return [...(first > 0 ? [body(lines.slice(0, first).join('\n'))] : []), literal(lines.slice(first).join('\n'))].join('\n\n');
}

function sections(help) {
  const found = [];
  for (const text of help.trimEnd().split('\n\n')) {
    const [opening, heading] = HEADINGS.find(([pattern]) => pattern.test(text)) ?? [];
    const under = heading ?? (isOptions(text) ? 'OPTIONS' : 'DESCRIPTION');
    const [opened = '', question] = opening?.exec(text) ?? [];
    const rest = text.slice(opened.length);
    const content =
      heading === 'SYNOPSIS' ? literal(rest.replace(/^ +/gm, '')) : heading === 'EXIT STATUS' ? body(capital(rest)) : body(rest);
    const known = found.find(({ title }) => title === under) ?? found[found.push({ title: under, parts: [] }) - 1];
    known.parts.push(...(question === undefined ? [] : [capital(question)]), content);
  }
  return found;
}

/**
 * One page.
 * @param name - kcmp, or kcmp-who
 * @param what - the line after NAME
 * @param others - the names of all pages
 */
export function manPage({ name, what, help, others, version }) {
  const see = [...others.filter((other) => other !== name).map((other) => `**${other}**(1)`), '**kcmp**(2), **proc**(5)'];
  const text = [
    `# ${name}(1) -- ${what}`,
    ...sections(help).map(({ title, parts }) => `## ${title}\n\n${parts.join('\n\n')}`),
    `## SEE ALSO\n\n${see.join(', ')}`,
    ...(name === 'kcmp' ? ['**kcmp**(2) is the system call: `man 2 kcmp`.'] : []),
  ].join('\n\n');
  const roff = marked.parse(text, { breaks: false, manVersion: `kcmp ${version}`, manual: 'kcmp' });
  // Pages differ when their text does, not when the month does.
  return `${roff.replace(/^(\.TH "[^"]*" "1") "[^"]*"/m, '$1 ""').trimEnd()}\n`;
}
