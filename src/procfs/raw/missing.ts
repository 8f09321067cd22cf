/**
 * How a path would be called without links, where it names nothing any more: /proc tells a deleted file by the path that it
 * had. Of a symbolic link that leads nowhere that is what it leads to.
 */
import { withoutDeleted } from '../link.ts';
import { locate, readLinkOf } from './path.ts';

const MAX_LINKS = 40;

export function pathOfMissing(asked: string, links: number = MAX_LINKS): string {
  const { basename, dirname, join, normalize } = process.getBuiltinModule('node:path');
  const above = dirname(asked);
  if (above === asked || links === 0) return normalize(asked);
  const located = locate(above);
  const found = typeof located === 'string' ? pathOfMissing(above, links) : located.path;
  const isGone = typeof located !== 'string' && located.stat.more?.nlink === 0;
  // A folder may be there still, by another name than was asked for, or deleted as well, which is said once.
  const folder = isGone ? withoutDeleted(found) : found;
  const target = readLinkOf(above, basename(asked));
  if (target === undefined) return join(folder, basename(asked));
  return pathOfMissing(target.startsWith('/') ? target : `${above}/${target}`, links - 1);
}
