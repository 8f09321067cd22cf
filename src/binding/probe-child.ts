/** The child process of `probe({ isolated: true })`: prints what probe() finds as JSON, or dies of a filter. */
import { probe } from './probe.ts';

process.stdout.write(JSON.stringify(probe()));
