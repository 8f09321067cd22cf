/** The whole comparison, of scenes of each constellation of users; see compare.ts, and static.test.ts beside this folder for the short one. */
import { ORDINARY } from '../../support/user.ts';
import { compareScenes } from './compare.ts';

compareScenes({
  scenes: [
    [{}, {}, {}],
    [ORDINARY, ORDINARY, ORDINARY],
    [{}, ORDINARY, ORDINARY],
    [ORDINARY, {}, {}],
  ],
  files: 40,
  pairs: 600,
});
