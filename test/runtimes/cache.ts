/** Where binaries are kept from one run to the next. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Root's is not below its home, since tests run these binaries as other users too. */
export function cacheFolder(name: string): string {
  const base = process.env['XDG_CACHE_HOME'] ?? (process.getuid?.() === 0 ? '/var/cache' : join(homedir(), '.cache'));
  return join(base, 'kcmp', name);
}
