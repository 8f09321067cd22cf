/** Finds the sub-command, loads only that, runs it, and turns what it throws into a message and exit code 2. */
import type { Command, ExitCode, Io } from './io.ts';

// Dynamic, so that each start loads one of them, and --help and --version none.
const COMMANDS: Readonly<Record<string, () => Promise<{ run: Command }>>> = {
  same: () => import('./commands/same.ts'),
  epoll: () => import('./commands/epoll.ts'),
  who: () => import('./commands/who.ts'),
  groups: () => import('./commands/groups.ts'),
  tasks: () => import('./commands/tasks.ts'),
  inherited: () => import('./commands/inherited.ts'),
  doctor: () => import('./commands/doctor.ts'),
};

const HELP = ['--help', '-h', 'help'];

function version(): string {
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return (manifest as { version: string }).version;
}

/** Whether help is asked for; what follows `--` is an argument. */
function asksForHelp(args: string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).some((arg) => arg === '--help' || arg === '-h');
}

async function dispatch(argv: string[], io: Io): Promise<ExitCode> {
  const [name = '', ...args] = argv;
  if (name === '--version' || name === '-V') {
    io.out(`${version()}\n`);
    return 0;
  }
  const wanted = HELP.includes(name) ? (args[0] ?? '') : asksForHelp(args) ? name : undefined;
  if (wanted === '' || (wanted !== undefined && Object.hasOwn(COMMANDS, wanted))) {
    const { helpFor } = await import('./help.ts');
    io.out(helpFor(wanted));
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) throw await unknownCommand(HELP.includes(name) ? (args[0] ?? '') : name);
  return (await load()).run(args, io);
}

async function unknownCommand(name: string): Promise<Error> {
  const { UsageError } = await import('./args.ts');
  const known = `expected one of ${Object.keys(COMMANDS).join(', ')}, or --help`;
  if (name === '') return new UsageError(`no command; ${known}`);
  return new UsageError(`unknown ${name.startsWith('-') ? 'option' : 'command'} ${name}; ${known}`);
}

/**
 * Runs `kcmp` with these arguments.
 * @param argv - what follows the command's name
 * @returns the exit code; never throws
 */
export async function run(argv: string[], io: Io): Promise<ExitCode> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    const { clean } = await import('../util/text.ts');
    io.err(`kcmp: ${clean(error instanceof Error ? error.message : String(error))}\n`);
    return 2;
  }
}
