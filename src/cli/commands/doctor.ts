/** `kcmp doctor`: can kcmp work here, what is limited, and what to change. One screen. */
import { some } from '../../util/text.ts';
import { table } from '../output/table.ts';
import { expect, parse } from '../args.ts';
import { type Facts, gatherFacts } from '../doctor/facts.ts';
import { diagnose, type Problem } from '../doctor/remedies.ts';
import type { Command } from '../io.ts';
import { printJson } from '../output/json.ts';
import { printAnswer } from '../output/print.ts';

const SECCOMP = ['no filter', 'strict mode', 'a filter'];

function typeLine({ support }: Facts): string {
  const byStatus = new Map<string, string[]>();
  for (const [type, status] of Object.entries(support.types)) {
    byStatus.set(status, [...(byStatus.get(status) ?? []), type]);
  }
  return [...byStatus].map(([status, types]) => `${types.join(', ')}: ${status}`).join('; ');
}

function processLine({ processes }: Facts): string {
  if (processes === null) return 'not asked, since kcmp does not work';
  const { listed, inspectable, refused } = processes;
  const but = refused.length === 0 ? '' : `; refused: ${some(refused.map(String), 5)}`;
  return `${inspectable} of ${listed} can be inspected${but}`;
}

function factRows(facts: Facts): string[][] {
  const { support, seccomp, capabilities, pidNamespace, proc } = facts;
  const mode = seccomp.mode === null ? 'unknown' : (SECCOMP[seccomp.mode] ?? `mode ${seccomp.mode}`);
  const filters = seccomp.filters === null || seccomp.filters === 0 ? '' : ` (${seccomp.filters} of them)`;
  const namespace =
    pidNamespace.nested === null ? '' : pidNamespace.nested ? ", a container's" : ", the machine's first";
  return [
    ['platform', `${facts.platform}, ${facts.libc}, Node ${facts.node}`],
    ['kernel', facts.kernel],
    ['architecture', facts.arch],
    ['kcmp', `${support.status}: ${support.reason}`],
    ['types', typeLine(facts)],
    ['epoll targets', support.epollTargets ? 'available' : 'not available'],
    ['seccomp', `${mode}${filters}`],
    [
      'capabilities',
      `${capabilities.effective ?? 'unknown'}, ${capabilities.sysPtrace === true ? 'with' : 'without'} CAP_SYS_PTRACE; uid ${facts.uid ?? '?'}`,
    ],
    ['pid namespace', `${pidNamespace.inode ?? 'unknown'}${namespace}`],
    [
      '/proc',
      proc.mounted
        ? `hidepid ${proc.hidepid ?? 'unknown'}${proc.own ? '' : ', of another pid namespace'}`
        : proc.denied
          ? 'may not be read'
          : 'not mounted',
    ],
    ['processes', processLine(facts)],
  ];
}

function verdict({ support }: Facts, problems: Problem[]): string {
  if (support.status === 'unknown') return 'Whether kcmp works here could not be told.';
  if (problems.some(({ weight }) => weight === 'fatal')) return 'kcmp cannot work here.';
  return problems.some(({ weight }) => weight === 'limit') ? 'kcmp works here, with limits.' : 'kcmp works here.';
}

/** The rows are a table without a head. */
function text(facts: Facts, problems: Problem[]): string[] {
  const [first = [], ...rest] = factRows(facts);
  return [
    verdict(facts, problems),
    '',
    ...table(first, rest),
    ...problems.flatMap(({ what, fixes }) => [
      '',
      `${what.charAt(0).toUpperCase()}${what.slice(1)}. To change that:`,
      ...fixes.map((fix) => `  - ${fix}`),
    ]),
  ];
}

export const run: Command = (args, io) => {
  const parsed = parse('doctor', args);
  expect('doctor', parsed.rest);
  const facts = gatherFacts();
  const problems = diagnose(facts);
  if (parsed.flag('json')) printJson(io, { ...facts, problems });
  else printAnswer(io, text(facts, problems));
  if (problems.some(({ weight }) => weight === 'fatal')) return 2;
  return problems.some(({ weight }) => weight === 'limit') ? 1 : 0;
};
