/**
 * Beside processes that wait for a dead file server and keep a lock meanwhile every command answers about all others as
 * without them; about them it says that it could not look, at once.
 */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { kcmpProcess, type Result } from '../cli/command.ts';
import { fuseMissing } from '../support/fuse.ts';
import { StuckScene } from '../support/stuck.ts';

describe('processes that wait for a dead file server', { skip: fuseMissing }, () => {
  let scene: StuckScene;
  const earlier = new Map<string, Result>();

  before(async () => {
    scene = await StuckScene.start();
    for (const question of questions()) earlier.set(question.join(' '), ask(question));
    await scene.killServer();
  });
  after(() => scene?.stop());

  const questions = ({ innocent, one, other, efd } = scene): string[][] => [
    ['who', `${innocent.pid}:${one}`],
    ['same', `${innocent.pid}:${one}`, `${innocent.pid}:${other}`],
    ['epoll', `${innocent.pid}:${efd}`],
    ['groups'],
    ['tasks', `${innocent.pid}`, `${process.pid}`],
    ['inherited', `${innocent.pid}`],
  ];

  function ask(question: string[]): Result {
    const result = kcmpProcess([...question, '--json']);
    assert.notEqual(result.code, null, `kcmp ${question.join(' ')} hangs`);
    return result;
  }

  /** What a command says but for what it could not look at, and what comes and goes. */
  const answerOf = ({ out }: Result): unknown =>
    JSON.parse(out, (key, value: unknown) => (key === 'coverage' || key === 'sharedTables' ? undefined : value));

  for (const name of ['who', 'same', 'epoll', 'tasks', 'inherited']) {
    test(`kcmp ${name} answers about another process as without them`, () => {
      const question = questions().find(([first]) => first === name) as string[];
      const now = ask(question);
      assert.deepEqual(answerOf(now), answerOf(earlier.get(question.join(' ')) as Result));
    });
  }

  test('kcmp groups finds what others share, and says whom it could not look at', () => {
    const { exec, innocent, one, other } = scene;
    const { out } = ask(['groups']);
    const { groups, coverage } = JSON.parse(out) as {
      groups: Array<{ holders: Array<{ pid: number; fd: number }> }>;
      coverage: { skipped: Array<{ pid: number; code: string }> };
    };
    const found = groups.find(({ holders }) => holders.some(({ pid, fd }) => pid === innocent.pid && fd === one));
    assert.deepEqual(
      found?.holders.map(({ fd }) => fd),
      [one, other],
    );
    assert.deepEqual(
      coverage.skipped.filter(({ code }) => code === 'EBUSY').map(({ pid }) => pid),
      [exec.pid],
    );
  });

  const refused = ({ exec, innocent, poller, lockedEfd } = scene): string[][] => [
    ['who', `${exec.pid}:0`],
    ['same', `${exec.pid}:0`, `${innocent.pid}:0`],
    ['same', `${exec.pid}`, `${innocent.pid}`, '--type', 'vm'],
    ['epoll', `${exec.pid}`],
    ['epoll', `${exec.pid}:5`],
    ['inherited', `${exec.pid}`],
    ['inherited', `${innocent.pid}`, '--from', `${exec.pid}`],
    ['epoll', `${poller.pid}:${lockedEfd}`],
    ['epoll', `${poller.pid}`],
  ];
  test('about themselves it is said that they are busy', () => {
    for (const question of refused()) {
      const { code, err } = ask(question);
      assert.equal(code, 2, question.join(' '));
      assert.match(err, /EBUSY/, question.join(' '));
    }
  });

  test('kcmp tasks says what it could not compare', () => {
    const ids = [scene.exec, scene.innocent].map(({ pid }) => `${pid}`);
    const { code, out } = ask(['tasks', ...ids]);
    assert.equal(code, 2);
    assert.match(out, /EBUSY/);
    // As text it names them.
    const text = kcmpProcess(['tasks', ...ids]);
    assert.equal(text.code, 2);
    assert.match(text.err, /EBUSY/);
  });
});
