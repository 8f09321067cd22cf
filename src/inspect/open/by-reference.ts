/** What a reference that is neither a descriptor nor a process has to be looked for by. */
import type { Reference } from '../../util/reference.ts';
import { SoughtPath } from './by-path.ts';
import { SoughtPort } from './by-port.ts';
import { SoughtLink, SoughtMemfd, SoughtUnix } from './by-text.ts';
import type { Sought } from './sought.ts';

export function soughtBy(reference: Exclude<Reference, { is: 'descriptor' | 'process' }>): Sought {
  switch (reference.is) {
    case 'port':
      return new SoughtPort(reference);
    case 'link':
      return new SoughtLink(reference.link);
    case 'unix':
      return SoughtUnix.named(reference.name);
    case 'memfd':
      return new SoughtMemfd(reference.name);
    case 'path':
      return new SoughtPath(reference.path);
  }
}
