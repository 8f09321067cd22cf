/** What the other commands need, loaded as one: they look for much, so that to load a little more takes nothing beside it. */
export { run as completion } from './commands/completion.ts';
export { run as doctor } from './commands/doctor.ts';
export { run as epoll } from './commands/epoll.ts';
export { run as groups } from './commands/groups.ts';
export { run as inherited } from './commands/inherited.ts';
export { whoHasOpen } from './who/open.ts';
