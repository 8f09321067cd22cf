/** What the other commands need, loaded as one: they look for much, so that to load a little more takes nothing beside it. */
import { run as completion } from './commands/completion.ts';
import { run as doctor } from './commands/doctor.ts';
import { run as epoll } from './commands/epoll.ts';
import { run as groups } from './commands/groups.ts';
import { run as inherited } from './commands/inherited.ts';
import { run as tasks } from './commands/tasks.ts';
import type { Bundle } from './io.ts';

export { lookAlone } from '../procfs/raw/runs.ts';
export { fitTo } from './output/table.ts';
export { sameTasks } from './tasks/same.ts';
export { whoHasOpen } from './who/open.ts';

export const commands: Bundle['commands'] = { completion, doctor, epoll, groups, inherited, tasks };
