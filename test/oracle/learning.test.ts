// What: tables that learn, NORMAL and conjunctive matches, frame by frame into Open vSwitch and into this switch.
// ORACLE_SEEDS=100-400 runs other seeds than the default ones.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import { randomFrame } from '../support/random-frame.ts';
import { randomConjunctions, randomLearning, randomNormal } from '../support/random-learning.ts';
import { PIPELINE_PORTS } from '../support/random-pipeline.ts';
import { RandomSource } from '../support/random-source.ts';
import { difference, type InjectedFrame, OpenVswitchSide, OwnSide, shrink } from '../support/side-by-side.ts';

const [FIRST_SEED = 1, LAST_SEED = FIRST_SEED] = (process.env['ORACLE_SEEDS'] ?? '1-6')
  .split('-')
  .map(Number);
const SEEDS = Array.from({ length: LAST_SEED - FIRST_SEED + 1 }, (_, i) => FIRST_SEED + i);
/** Open vSwitch needs some 40 ms for each frame that must be through before the next. */
const FRAMES = 40;

describeWith(['ovs'], 'side by side with Open vSwitch, frame by frame', () => {
  let theirs: OpenVswitchSide;
  beforeAll(async () => {
    theirs = await OpenVswitchSide.start();
  });
  afterAll(() => theirs?.stop());

  const kinds = { learn: randomLearning, normal: randomNormal, conjunction: randomConjunctions };
  const cases = Object.entries(kinds).flatMap(([name, make]) => SEEDS.map((seed) => ({ name, make, seed })));
  test.each(cases)(
    '$name, seed $seed',
    async ({ name, make, seed }) => {
      const random = new RandomSource(seed);
      const pipeline = make(random);
      const frames: InjectedFrame[] = Array.from({ length: FRAMES }, (_, number) => ({
        port: random.integer(1, PIPELINE_PORTS),
        frame: randomFrame(random, number),
      }));
      const ours = new OwnSide();
      await theirs.load(pipeline);
      ours.load(pipeline);
      const found = difference(await theirs.run(frames, name !== 'conjunction'), ours.run(frames));
      const tables =
        name === 'learn' ? { theirs: await theirs.dump(pipeline.protocol), ours: ours.dump() } : undefined;
      if (found) {
        const shrunk =
          name === 'conjunction' ? await shrink(theirs, ours, pipeline, frames) : pipeline.flows.join('\n');
        expect.fail(`${name}, seed ${seed}: ${found.text}\n${shrunk}`);
      }
      expect(tables?.ours).toEqual(tables?.theirs);
    },
    120_000,
  );
});
