/**
 * What most starts need, loaded as one: a file takes as long to be found and opened as 20 kB to be compiled. The commands
 * about descriptors that are named by number, and what finds and tells mistakes in arguments. What these import
 * from index.ts are types: it would have all questions loaded.
 */
import { run as same } from './commands/same.ts';
import { run as who } from './commands/who.ts';
import type { Bundle } from './io.ts';

export { parseReference } from '../util/reference.ts';
export { UsageError } from './args.ts';
export { tell, withoutCall } from './output/print.ts';
export { lookAlone } from '../procfs/raw/runs.ts';
export { fitTo } from './output/table.ts';
export { nearest } from './suggest.ts';

export const commands: Bundle['commands'] = { same, who };
