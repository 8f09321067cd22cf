/**
 * What most starts need, loaded as one: a file takes as long to be found and opened as 20 kB to be compiled. The commands
 * about descriptors and tasks that are named by number, and what finds and tells mistakes in arguments. What these import
 * from index.ts are types: it would have all questions loaded.
 */
export { parseReference } from '../util/reference.ts';
export { UsageError } from './args.ts';
export { run as same } from './commands/same.ts';
export { run as tasks } from './commands/tasks.ts';
export { run as who } from './commands/who.ts';
export { tell, withoutCall } from './output/print.ts';
export { fitTo } from './output/table.ts';
export { nearest } from './suggest.ts';
