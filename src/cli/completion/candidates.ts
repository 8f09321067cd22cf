/** What may come next on a command line of kcmp: commands, options, words of an option, processes and their descriptors. */
import { listDescriptors, readLink } from '../../procfs/fd.ts';
import { listProcesses } from '../../procfs/processes.ts';
import { readKin } from '../../procfs/status.ts';
import { COLORS, KINDS } from '../globals.ts';
import { helpFor } from '../help.ts';
import { commandOf } from '../output/names.ts';

export interface Candidate {
  text: string;
  /** What it is, as lists show it. */
  what: string;
}

/** Options that take one of some words. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  '--color': COLORS,
  '--kind': KINDS,
  '--type': ['file', 'vm', 'files', 'fs', 'sighand', 'io', 'sysvsem'],
  '--graph': ['mermaid', 'dot'],
};

const EPOLL = 'anon_inode:[eventpoll]';
const SHELLS: Candidate[] = ['bash', 'zsh', 'fish'].map((text) => ({ text, what: '' }));

/** `  --pids         only the ids of processes` of a help text, or `  who REF   who has …`: its first clause, to the end. */
function linesOf(command: string, line: RegExp): Candidate[] {
  const joined = helpFor(command).replaceAll(/\n {10,}(?=\S)/g, ' ');
  return [...joined.matchAll(line)].map(([, text = '', what = '']) => ({ text, what: what.replace(/;.*/, '') }));
}

const commands = (): Candidate[] => linesOf('', /^ {2}([a-z]+)(?: [A-Z[].*?)? {2,}(\w.*)$/gm);

function options(command: string): Candidate[] {
  const own = commands().some(({ text }) => text === command) ? command : '';
  const found = [
    ...linesOf(own, /^ {2}(?:-\w, )*(--[a-z]+).*? {2,}(\S.*)$/gm),
    { text: '--help', what: 'what it does' },
  ];
  const common = linesOf('', /^ {2}(?:-\w, )*(--(?:json|color)).*? {2,}(\S.*)$/gm);
  return [...found, ...common].filter(({ text }, i, all) => all.findIndex((other) => other.text === text) === i);
}

/** What an option takes, by the name that its help gives it: PID, PATTERN; nothing where it is a flag. */
const argumentOf = (command: string, option: string): string | undefined =>
  new RegExp(`^ {2}(?:-\\w, )*${option} ([A-Z]+)`, 'm').exec(helpFor(command))?.[1];

/** Whoever runs as a user's program, by number or by name. */
function processes(typed: string): Candidate[] {
  const byName = typed !== '' && !/^\d/.test(typed);
  return listProcesses().flatMap((pid) => {
    if (pid === process.pid || !(byName || `${pid}`.startsWith(typed)) || !readKin(pid).hasSpace) return [];
    const command = commandOf(pid);
    return byName && !command.startsWith(typed) ? [] : [{ text: `${pid}`, what: command }];
  });
}

function descriptors(pid: number, only: string | undefined): Candidate[] {
  const fds = listDescriptors(pid);
  return (typeof fds === 'string' ? [] : fds).flatMap((fd) => {
    const link = readLink(pid, fd) ?? '';
    return only === undefined || link === only ? [{ text: `${pid}:${fd}`, what: link }] : [];
  });
}

/** A process, and once it is named its descriptors. */
function files(typed: string, only?: string): Candidate[] {
  const pid = /^\d+/.exec(typed)?.[0];
  const found = processes(typed);
  if (pid === undefined || (!typed.includes(':') && !found.some(({ text }) => text === pid))) return found;
  return [...found, ...descriptors(Number(pid), only).filter(({ text }) => text.startsWith(typed))];
}

function operands(command: string, before: readonly string[], typed: string): Candidate[] {
  const type = before[before.indexOf('--type') + 1];
  if (command === 'epoll') return files(typed, EPOLL);
  if (command === 'who' || (command === 'same' && (!before.includes('--type') || type === 'file'))) return files(typed);
  if (command === 'completion') return SHELLS;
  if (command === 'help') return commands().filter(({ text }) => text.startsWith(typed));
  return command === 'doctor' ? [] : processes(typed);
}

/**
 * The candidates for the last word, which may have been begun.
 * @param words - what follows `kcmp`
 */
export function candidates(words: readonly string[]): Candidate[] {
  const [before, typed] = [words.slice(0, -1), words.at(-1) ?? ''];
  const [command = ''] = before.filter((word) => !word.startsWith('-') && !COLORS.some((color) => color === word));
  const option = before.at(-1) ?? '';
  const texts = WORDS[option]?.map((text) => ({ text, what: '' }));
  const isKnown = /^--[a-z]+$/.test(option) && commands().some(({ text }) => text === command);
  const value = texts === undefined && isKnown ? argumentOf(command, option) : undefined;
  if (value !== undefined) return value === 'PID' ? processes(typed) : [];
  const found = texts ?? (typed.startsWith('-') ? options(command) : command === '' ? commands() : undefined);
  return found?.filter(({ text }) => text.startsWith(typed)) ?? operands(command, before, typed);
}
