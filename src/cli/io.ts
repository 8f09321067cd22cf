/** What a command is given instead of the process's streams, so that it can be tested without a process. */
export interface Io {
  /** Data: standard output. */
  out(text: string): void;
  /** Messages: standard error. */
  err(text: string): void;
  errIsTerminal(): boolean;
  outIsTerminal?(): boolean;
  /** How wide the terminal is that output goes to. */
  columns?(): number | undefined;
  /** Whether colours go there: what the terminal, NO_COLOR and --color say together. */
  paints?(stream: 'out' | 'err'): boolean;
  /** Milliseconds, for progress. */
  now(): number;
  /** Whether the process has nothing else to do than this. */
  isAlone?: boolean;
}

/** 0 same, found, clean; 1 different, none, findings; 2 trouble. As cmp, diff and grep have it. */
export type ExitCode = 0 | 1 | 2;

/** What every file in commands/ exports as `run`. */
export type Command = (args: string[], io: Io) => ExitCode | Promise<ExitCode>;

/** Commands that are loaded as one, by name, with what is called before one is run. */
export interface Bundle {
  commands: Readonly<Record<string, Command>>;
  fitTo(io: Io): void;
  lookAlone(): void;
}
