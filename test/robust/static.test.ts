/** One random scene that holds still against brute force, in a few seconds; `npm run test:static` compares more of them, and more of each. */
import { ORDINARY } from '../support/user.ts';
import { compareScenes } from './static/compare.ts';

compareScenes({ scenes: [[{}, ORDINARY]], files: 8, pairs: 100 });
