/** The options of every command, which may stand before its name as well: --json, and --color anywhere. */
import type { Io } from './io.ts';

export const COLORS = ['auto', 'always', 'never'] as const;

export interface Globals {
  /** The command and what follows it, --json too. */
  args: string[];
  /** What was said after --color. */
  color: string | undefined;
}

/** What follows `--` is an argument. */
export function readGlobals(argv: readonly string[]): Globals {
  const end = argv.indexOf('--');
  const options = argv.slice(0, end === -1 ? argv.length : end);
  const args: string[] = [];
  let color: string | undefined;
  for (let i = 0; i < options.length; i++) {
    const arg = options[i] as string;
    if (arg === '--color') color = options[++i] ?? '';
    else if (arg.startsWith('--color=')) color = arg.slice('--color='.length);
    else args.push(arg);
  }
  const leading = args.findIndex((arg) => arg !== '--json');
  const command = leading === -1 ? [''] : args.splice(leading, 1);
  return { args: [...command, ...args, ...argv.slice(options.length)], color };
}

/** Whether a stream is to be coloured: NO_COLOR, of any value but none, is what https://no-color.org says. */
export function paintsOf(io: Io, color: string): NonNullable<Io['paints']> {
  const { NO_COLOR = '', TERM } = process.env;
  if (color !== 'auto') return () => color === 'always';
  if (NO_COLOR !== '' || TERM === 'dumb') return () => false;
  return (stream) => (stream === 'out' ? io.outIsTerminal?.() === true : io.errIsTerminal());
}

/** What `--kind` takes. */
export const KINDS: readonly string[] = (
  'regular directory symlink pipe fifo socket tty character-device block-device eventpoll eventfd timerfd signalfd inotify ' +
  'fanotify userfaultfd io_uring memfd message-queue pidfd anonymous namespace unknown'
).split(' ');
