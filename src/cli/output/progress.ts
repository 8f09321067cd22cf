/** How far a scan is, on one line of a terminal. */
import type { Io } from '../io.ts';

const QUIET_MS = 500;
const EVERY_MS = 100;

export interface Progress {
  onProgress?: (done: number, total: number) => void;
  /** Clears the line. */
  end(): void;
}

/** Silent for the first half second, and for good where stderr is no terminal. */
export function startProgress(io: Io): Progress {
  if (!io.errIsTerminal()) return { end: () => {} };
  let last = io.now() + QUIET_MS - EVERY_MS;
  let width = 0;
  return {
    onProgress(done, total) {
      const now = io.now();
      if (now - last < EVERY_MS) return;
      last = now;
      const line = `kcmp: ${Math.floor((100 * done) / total)} % done`;
      width = Math.max(width, line.length);
      io.err(`\r${line.padEnd(width)}`);
    },
    end() {
      if (width > 0) io.err(`\r${' '.repeat(width)}\r`);
    },
  };
}

/** Runs a scan with progress; the line is gone when it ends, however it ends. */
export function withProgress<T>(io: Io, scan: (options: Pick<Progress, 'onProgress'>) => T): T {
  const { end, ...options } = startProgress(io);
  try {
    return scan(options);
  } finally {
    end();
  }
}
