// What: random flow tables over all fields and actions, random frames, into Open vSwitch and into this switch: the same
// ports, the same bytes, the same packet-ins, the same flow counters. Why: Open vSwitch defines what they mean.
// ORACLE_SEEDS=100-400 runs other seeds than the default ones.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import { randomFrame } from '../support/random-frame.ts';
import { PIPELINE_PORTS, randomPipeline } from '../support/random-pipeline.ts';
import { RandomSource } from '../support/random-source.ts';
import { difference, type InjectedFrame, OpenVswitchSide, OwnSide, shrink } from '../support/side-by-side.ts';

const [FIRST_SEED = 1, LAST_SEED = FIRST_SEED] = (process.env['ORACLE_SEEDS'] ?? '1-40')
  .split('-')
  .map(Number);
const FRAMES = 150;
const FLOWS_PER_TABLE = 15;

describeWith(['ovs'], 'side by side with Open vSwitch', () => {
  let theirs: OpenVswitchSide;
  /** Shrinking takes half a minute, and the first failure is looked at first. */
  let shrunk = process.env['ORACLE_SHRINK'] === 'no';
  beforeAll(async () => {
    theirs = await OpenVswitchSide.start();
  });
  afterAll(() => theirs?.stop());

  test.each(Array.from({ length: LAST_SEED - FIRST_SEED + 1 }, (_, i) => FIRST_SEED + i))(
    'seed %i',
    async (seed) => {
      const random = new RandomSource(seed);
      const pipeline = randomPipeline(random, FLOWS_PER_TABLE);
      const frames: InjectedFrame[] = Array.from({ length: FRAMES }, (_, number) => ({
        port: random.integer(1, PIPELINE_PORTS),
        frame: randomFrame(random, number),
      }));
      if (!theirs.ovs.alive) {
        await theirs.stop();
        theirs = await OpenVswitchSide.start();
      }
      const ours = new OwnSide();
      await theirs.load(pipeline);
      ours.load(pipeline);
      const found = difference(await theirs.run(frames), ours.run(frames));
      if (!found) return;
      if (shrunk) expect.fail(`seed ${seed}: ${found.text}`);
      shrunk = true;
      const suspects = found.frame === undefined ? frames : [frames[found.frame]!];
      expect.fail(`seed ${seed}: ${found.text}\nshrunk:\n${await shrink(theirs, ours, pipeline, suspects)}`);
    },
    120_000,
  );
});
