/** Finds the sub-command, loads only that, runs it, and turns what it throws into a message and exit code 2. */
import { COLORS, paintsOf, readGlobals } from './globals.ts';
import type { Bundle, Command, ExitCode, Io } from './io.ts';

// Dynamic, so that --help and --version load none of it.
const first = (): Promise<typeof import('./first.ts')> => import('./first.ts');
const more = (): Promise<typeof import('./more.ts')> => import('./more.ts');

const COMMANDS: Readonly<Record<string, () => Promise<Bundle>>> = {
  same: first,
  epoll: more,
  who: first,
  groups: more,
  tasks: more,
  inherited: more,
  doctor: more,
  completion: more,
};

const HELP = ['--help', '-h', 'help'];

function version(): string {
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return (manifest as { version: string }).version;
}

/** How help is asked for among the arguments, if it is; what follows `--` is an argument. */
function helpIn(args: string[]): string | undefined {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).find((arg) => arg === '--help' || arg === '-h');
}

async function dispatch(argv: string[], io: Io): Promise<ExitCode> {
  const [name = '', ...args] = argv;
  if (name === '--version' || name === '-V' || name === '-v') {
    io.out(`${version()}\n`);
    return 0;
  }
  const how = HELP.includes(name) ? name : helpIn(args);
  const wanted = HELP.includes(name) ? (args[0] ?? '') : how === undefined ? undefined : name;
  if (wanted === '' || (wanted !== undefined && Object.hasOwn(COMMANDS, wanted))) {
    const { helpFor, shortHelpFor } = await import('./help.ts');
    io.out(how === '-h' ? shortHelpFor(wanted) : helpFor(wanted));
    return 0;
  }
  if (name === '') {
    io.err((await import('./help.ts')).helpFor(''));
    return 2;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) throw await unknownCommand(wanted ?? name);
  const { commands, fitTo, lookAlone } = await load();
  fitTo(io);
  if (io.isAlone === true) lookAlone();
  return (commands[name] as Command)(args, io);
}

async function unknownCommand(name: string): Promise<Error> {
  const { nearest, parseReference, UsageError } = await first();
  const what = `unknown ${name.startsWith('-') ? 'option' : 'command'} ${name}`;
  const command = nearest(name, Object.keys(COMMANDS));
  if (command !== undefined) return new UsageError(`${what}; did you mean ${command}?`);
  const isReference = parseReference(name).is !== 'none';
  if (isReference) return new UsageError(`${what}; did you mean kcmp who ${name}?`);
  return new UsageError(`${what}; expected one of ${Object.keys(COMMANDS).join(', ')}, or --help`);
}

/** The same with --color in it. */
async function dispatchPainted(argv: string[], io: Io): Promise<ExitCode> {
  const { args, color = 'auto' } = readGlobals(argv);
  if (!COLORS.some((word) => word === color)) {
    const { UsageError } = await first();
    throw new UsageError(`--color ${color} is unknown; expected ${COLORS.join(', ')}`);
  }
  return dispatch(args, Object.assign(io, { paints: paintsOf(io, color) }));
}

/**
 * Runs `kcmp` with these arguments.
 * @param argv - what follows the command's name
 * @returns the exit code; never throws
 */
export async function run(argv: string[], io: Io): Promise<ExitCode> {
  try {
    return await dispatchPainted(argv, io);
  } catch (error) {
    const { tell, withoutCall } = await first();
    tell(io, error instanceof Error ? withoutCall(error.message) : String(error));
    return 2;
  }
}
