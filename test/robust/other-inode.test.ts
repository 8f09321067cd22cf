/** A number that flips between two files is never taken for a second open of one of them, however often it is looked at. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Search } from '../../src/inspect/holders/search.ts';
import { Subject } from '../../src/inspect/holders/subject.ts';
import { scan, type Table } from '../../src/scan/tables.ts';
import { drain } from '../../src/util/drain.ts';
import { program, raceMissing } from './race/race.ts';
import { Scene, shareMemory } from './race/scene.ts';

const SCENE_MS = 3000;
/** The keeper's descriptors of the two. */
const FDS = [30, 31];
const LOOKS = 20;

for (const kind of ['files', 'pipes', 'socket']) {
  test(`${kind}: what changes at full speed is not kept as something else`, { skip: raceMissing }, async () => {
    const scene = await Scene.start(program(), ['flip', kind, '0', '1'], shareMemory());
    const isOther = ({ result }: { result: number }): boolean => result !== 0;
    let wrong = 0;
    for (const end = Date.now() + SCENE_MS; Date.now() < end; ) {
      for (const fd of FDS) {
        const subject = new Subject({ pid: scene.keeper, fd });
        const seen = drain(scan([scene.mover], scene.mover));
        const search = new Search(subject, seen, undefined);
        const [table] = seen.tables as [Table];
        for (let i = 0; i < LOOKS; i++) {
          drain(search.look(seen.tables));
          drain(search.keepAgreeing(table));
          if (search.foundIn(table).sightings.some(isOther)) wrong++;
        }
      }
    }
    await scene.stop();
    assert.equal(wrong, 0);
  });
}
