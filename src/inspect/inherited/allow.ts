/** What may be open: an `allow` list, as one question. */
import { badInt31, badType, isInt31, unreadable } from '../../binding/arguments.ts';
import { readValues } from '../../binding/read.ts';

const { isRegExp } = process.getBuiltinModule('node:util').types;

/** Asked by its link, and by its name where that is known. */
export type Allow = (fd: number, text: string | null) => boolean;
type Pattern = (link: string) => boolean;

const LIST = 'an iterable of descriptors, link texts and regular expressions';
const isEntry = (entry: unknown): boolean => isInt31(entry) || typeof entry === 'string' || isRegExp(entry);

export function compileAllow(allow: Iterable<number | string | RegExp> | undefined): Allow {
  if (allow === undefined) return () => false;
  const numbers = new Set<number>();
  const patterns: Pattern[] = [];
  for (const entry of readValues(allow, 'options.allow', LIST, isEntry)) {
    if (typeof entry === 'number') {
      if (!isInt31(entry)) throw badInt31('options.allow', entry);
      numbers.add(entry);
    } else if (typeof entry === 'string') patterns.push(wildcard(entry));
    else if (isRegExp(entry)) patterns.push(fromStart(entry));
    else throw badType('options.allow', 'a descriptor, a link text or a regular expression', entry);
  }
  return (fd, link) => numbers.has(fd) || (link !== null && patterns.some((matches) => matches(link)));
}

/** A global or sticky expression would remember where it stopped. */
function fromStart(expression: RegExp): Pattern {
  let own: RegExp;
  try {
    own = new RegExp(expression.source, expression.flags);
  } catch (cause) {
    throw unreadable('options.allow', LIST, cause);
  }
  return (link) => {
    own.lastIndex = 0;
    return own.test(link);
  };
}

/** By hand, since a regular expression may try every way to divide a link, whose text is another process' choice. */
function wildcard(text: string): Pattern {
  const [first = '', ...parts] = text.split('*');
  const last = parts.pop();
  if (last === undefined) return (link) => link === text;
  return (link) => {
    if (!link.startsWith(first)) return false;
    let at = first.length;
    for (const part of parts) {
      const found = link.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return link.length - last.length >= at && link.endsWith(last);
  };
}
