// What: the pipeline fields of a key as match text. Why: a packet-in tells the control plane with which registers a
// frame came there. Who: xlate-output.ts.

import { KEY_ACTSET_OUTPUT, KEY_METADATA, KEY_REG, NO_ACTSET_OUTPUT, REGISTERS } from '../../flow/key.ts';
import { Match } from '../../flow/match.ts';
import { formatMatch } from '../../flow/match-text.ts';

/** The fields that are not zero, '' when all are. */
export function pipelineText(flow: Int32Array): string {
  const match = new Match();
  let any = false;
  const take = (first: number, words: number) => {
    let set = 0;
    for (let i = 0; i < words; i++) set |= flow[first + i]!;
    if (set === 0) return;
    any = true;
    for (let i = first; i < first + words; i++) {
      match.value[i] = flow[i]!;
      match.mask[i] = -1;
    }
  };
  // metadata and tun_id have two words.
  take(KEY_METADATA, 2);
  take(KEY_METADATA + 2, 2);
  for (let word = KEY_REG - 1; word < KEY_REG + REGISTERS; word++) take(word, 1);
  if (flow[KEY_ACTSET_OUTPUT] !== NO_ACTSET_OUTPUT) take(KEY_ACTSET_OUTPUT, 1);
  return any ? formatMatch(match) : '';
}
